#include "bench/history.hpp"

#include <array>
#include <utility>

namespace lockstep::bench {

Shared<std::uint64_t> random_keys(std::size_t keys, std::size_t rows_per_step, std::size_t steps) {
  constexpr std::array<Weight, 16> kWeights{2, -1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  auto history = std::make_shared<History<std::uint64_t>>();
  history->rows.reserve(rows_per_step * steps);
  Random random(1);
  for (std::size_t step = 0; step < steps; ++step) {
    for (std::size_t i = 0; i < rows_per_step; ++i) {
      history->rows.push_back({Random::mixed(random.below(keys) + 1), kWeights[random.below(kWeights.size())]});
    }
    history->end_step();
  }
  return history;
}

Shared<std::uint64_t> changing_values(std::size_t values, std::size_t rows_per_step, std::size_t steps) {
  auto history = std::make_shared<History<std::uint64_t>>();
  history->rows.reserve(rows_per_step * steps);
  std::vector<Weight> weights(values);
  Random random(2);
  for (std::size_t step = 0; step < steps; ++step) {
    for (std::size_t i = 0; i < rows_per_step; ++i) {
      const std::size_t value = random.below(values);
      const Weight weight = weights[value] > 0 && random.below(2) == 0 ? -1 : 1;
      weights[value] += weight;
      history->rows.push_back({Random::mixed(value + 1), weight});
    }
    history->end_step();
  }
  return history;
}

Shared<Item> changing_items(std::uint64_t seed, std::size_t keys, std::size_t preload, std::size_t rows_per_step,
                            std::size_t steps) {
  auto history = std::make_shared<History<Item>>();
  history->rows.reserve(preload + rows_per_step * steps);
  std::vector<Item> live;
  live.reserve(preload + rows_per_step);
  Random random(seed);
  const auto insert = [&] {
    const Item item{Random::mixed(random.below(keys) + 1), static_cast<std::int64_t>(random.below(1'000'000))};
    live.push_back(item);
    history->rows.push_back({item, 1});
  };
  const auto erase = [&] {
    std::swap(live[random.below(live.size())], live.back());
    history->rows.push_back({live.back(), -1});
    live.pop_back();
  };
  for (std::size_t i = 0; i < preload; ++i) insert();
  history->end_step();
  for (std::size_t step = 0; step < steps; ++step) {
    for (std::size_t i = 0; i < rows_per_step; ++i) live.empty() || random.below(2) == 0 ? insert() : erase();
    history->end_step();
  }
  return history;
}

Shared<Transfer> random_transfers(std::size_t accounts, Ids ids, std::size_t rows_per_step, std::size_t steps) {
  auto history = std::make_shared<History<Transfer>>();
  history->rows.reserve(rows_per_step * steps);
  Random random(5);
  std::int64_t id = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    const std::size_t first = history->rows.size();
    for (std::size_t i = 0; i < rows_per_step; ++i, ++id) {
      const auto from = static_cast<std::int64_t>(1 + random.below(accounts - 1));
      const auto to = static_cast<std::int64_t>(random.below(accounts - 1));
      const auto amount = static_cast<std::int64_t>(1 + random.below(100));
      history->rows.push_back({{id, from, to, amount, id / 1000}, 1});
    }
    for (std::size_t i = rows_per_step; ids == Ids::shuffled && i > 1; --i) {
      std::swap(history->rows[first + i - 1], history->rows[first + random.below(i)]);
    }
    history->end_step();
  }
  return history;
}

}  // namespace lockstep::bench
