#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <lockstep.hpp>
#include <random>

#include "tests/delta_text.hpp"

namespace ls = lockstep;
using Number = std::int64_t;

namespace {

struct Sale {
  Number shop;
  Number item;
  double price;
};
BOOST_DESCRIBE_STRUCT(Sale, (), (shop, item, price))

struct Push {
  std::size_t session;
  Sale sale;
  ls::Weight weight;
};
using History = std::vector<std::vector<Push>>;  // by step

constexpr std::size_t kSessions = 4;

/// Prices of very different size, so that the order of additions shows in rounding.
History random_history(unsigned seed) {
  std::mt19937_64 random(seed);
  History history(12);
  for (auto& step : history) {
    for (std::size_t rows = random() % 300; rows != 0; --rows) {
      const auto price = std::ldexp(static_cast<double>(random() % 1000) - 500, static_cast<int>(random() % 120) - 60);
      step.push_back({random() % kSessions,
                      {static_cast<Number>(random() % 20), static_cast<Number>(random() % 7), price},
                      static_cast<ls::Weight>(random() % 7) - 2});
    }
  }
  return history;
}

/// The pushes of a step in another order, but for those of one session.
std::vector<const Push*> interleaved(const std::vector<Push>& step, std::mt19937& random) {
  std::vector<std::vector<const Push*>> queues(kSessions);
  for (const Push& push : step) queues[push.session].push_back(&push);
  for (auto& queue : queues) std::reverse(queue.begin(), queue.end());
  std::vector<const Push*> order;
  while (order.size() < step.size()) {
    auto& queue = queues[random() % kSessions];
    if (queue.empty()) continue;
    order.push_back(queue.back());
    queue.pop_back();
  }
  return order;
}

/// The deltas of all outputs at every step.
std::string run(const History& history, const ls::RuntimeOptions& options, unsigned interleaving) {
  ls::Dataflow flow;
  auto sales = flow.input<Sale>("sales");
  auto latest = flow.table<Sale>("latest", &Sale::item);
  auto by_shop = sales | ls::group_by(&Sale::shop, ls::sum(&Sale::price), ls::avg(&Sale::price), ls::min(&Sale::price));
  auto by_item = sales | ls::group_by(&Sale::item, ls::sum(&Sale::price));
  auto total = by_shop | ls::aggregate(ls::sum([](const auto& group) { return std::get<0>(group); }));
  auto joined = by_item | ls::join(latest, [](double sum, const Sale& sale) { return sum * sale.price; });
  auto out_shop = by_shop | ls::output("by shop");
  auto out_total = total | ls::output("total");
  auto out_joined = joined | ls::output("joined");
  auto out_distinct =
      sales | ls::map([](const Sale& sale) { return sale.item; }) | ls::distinct() | ls::output("items");
  ls::Runtime runtime(flow, options);
  std::vector<std::shared_ptr<ls::Session>> sessions;
  for (std::size_t i = 0; i < kSessions; ++i) sessions.push_back(runtime.open_session());
  std::mt19937 random(interleaving);
  std::string out;
  for (const auto& step : history) {
    for (const Push* push : interleaved(step, random)) {
      (*sessions[push->session])[sales].push(push->sale, push->weight);
      (*sessions[push->session])[latest].upsert(push->sale);
    }
    const auto result = runtime.step();
    out += fmt::format("{} | {} | {} | {}\n", text(result[out_shop]), text(result[out_total]), text(result[out_joined]),
                       text(result[out_distinct]));
  }
  return out;
}

}  // namespace

TEST_CASE("every step is the same for any workers, threads, schedule and interleaving of sessions", "[determinism]") {
  const unsigned seed = GENERATE(1U, 2U, 3U);
  const History history = random_history(seed);
  const std::string expected = run(history, {}, 1);
  CHECK(expected.size() > 10'000);
  unsigned interleaving = 1;
  for (const unsigned workers : {1U, 2U, 3U, 4U}) {
    for (const auto& limits : {ls::IndexLimits{}, ls::IndexLimits::minimum()}) {
      for (const auto& [threads, small] : {std::pair{1U, 0U}, {2U, 0U}, {2U, 10U}}) {
        INFO(workers << " workers on " << threads << " threads, steps of fewer than " << small << " rows begun alone");
        CHECK(run(history,
                  {.workers = workers, .threads = threads, .small_step_rows = small, .piece_rows = 1, .limits = limits},
                  ++interleaving) == expected);
      }
      for (const std::uint64_t schedule : {1U, 2U, 3U}) {
        INFO(workers << " workers, schedule " << schedule);
        CHECK(run(history,
                  {.workers = workers, .piece_rows = schedule - 1, .schedule_seed = schedule, .limits = limits},
                  ++interleaving) == expected);
      }
    }
  }
}
