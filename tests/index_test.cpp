#include "runtime/state/index.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>

namespace ls = lockstep;

namespace {

using Model = std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t>;

template <class T>
T made_of(std::int64_t number) {
  if constexpr (std::same_as<T, std::string>) {
    return "a text that needs the heap " + std::to_string(number);
  } else {
    return number;
  }
}

template <class K, class V>
void equals(const ls::Index<K, V>& index, const Model& model) {
  std::size_t rows = 0;
  index.for_each([&](const K&, const V&, ls::Weight) { ++rows; });
  REQUIRE(rows == model.size());
  for (const auto& [row, weight] : model) {
    const K key = made_of<K>(row.first);
    const V value = made_of<V>(row.second);
    ls::Weight found = 0;
    index.find(key, ls::row_traits<K>::hash(key)).for_each([&](const V& one, ls::Weight w) {
      if (ls::row_traits<V>::equal(one, value)) found += w;
    });
    REQUIRE(found == weight);
  }
}

/// Random changes in phases of growing and of deleting, with pins on the way.
template <class K, class V>
void behaves_like_a_map(const ls::IndexLimits& limits, unsigned keys, unsigned values) {
  std::mt19937_64 random(11);
  ls::Index<K, V> index(limits);
  Model model;
  std::vector<std::pair<ls::Index<K, V>, Model>> pins;
  for (int i = 0; i < 6000; ++i) {
    std::pair<std::int64_t, std::int64_t> row(static_cast<std::int64_t>(random() % keys),
                                              static_cast<std::int64_t>(random() % values));
    auto weight = static_cast<std::int64_t>(random() % 5) - 2;
    if (i / 1500 % 2 == 1 && !model.empty()) {
      auto victim = model.lower_bound(row);
      if (victim == model.end()) victim = model.begin();
      row = victim->first;
      weight = -victim->second;
    }
    const K key = made_of<K>(row.first);
    index.add(key, ls::row_traits<K>::hash(key), made_of<V>(row.second), weight);
    if ((model[row] += weight) == 0) model.erase(row);
    if (random() % 701 == 0) {
      if (pins.size() == 3) pins.erase(pins.begin());
      pins.emplace_back(index.pin(), model);
    }
    if (i % 500 == 0) equals(index, model);
  }
  equals(index, model);
  for (const auto& [pin, then] : pins) equals(pin, then);

  const std::unique_ptr<ls::Capture> capture = index.capture(nullptr);
  while (!capture->done()) {
    for (auto& range : capture->ranges()) capture->advance(range, {});
  }
  ls::Index<K, V> loaded(limits);
  for (const ls::SlotRange range : {ls::SlotRange{0, 300}, ls::SlotRange{300, 301}, ls::SlotRange{301, ls::kSlots}}) {
    ls::StateWriter out(range);
    capture->save(out);
    out.for_each([&](unsigned slot, std::string_view items) {
      CHECK(range.first <= slot);
      CHECK(slot < range.end);
      ls::Decoder in(items);
      loaded.load(in);
    });
  }
  equals(loaded, model);
}

template <class K, class V>
void behaves_at_all_sizes() {
  for (const auto& limits : {ls::IndexLimits{}, ls::IndexLimits::minimum(),
                             ls::IndexLimits{.segment_bytes = 300, .rows_in_segment = 4, .page_rows = 4}}) {
    behaves_like_a_map<K, V>(limits, 40, 40);
    behaves_like_a_map<K, V>(limits, 2, 1000);
    behaves_like_a_map<K, V>(limits, 1000, 3);
  }
}

}  // namespace

TEST_CASE("an index of numbers holds each key's Z-set") { behaves_at_all_sizes<std::int64_t, std::int64_t>(); }
TEST_CASE("an index of texts holds each key's Z-set") { behaves_at_all_sizes<std::string, std::string>(); }

TEST_CASE("an index gives back the memory of vanished rows") {
  for (const auto& limits : {ls::IndexLimits{}, ls::IndexLimits::minimum()}) {
    ls::Index<std::int64_t, std::int64_t> index(limits);
    const auto change = [&](ls::Weight weight) {
      for (std::int64_t i = 0; i < 30000; ++i) {
        const std::int64_t key = i % 100 < 90 ? i % 100 : i;  // some keys have large groups, most have one row
        index.add(key, ls::row_traits<std::int64_t>::hash(key), i, weight);
      }
    };
    change(1);
    const std::size_t full = index.bytes();
    change(-1);
    CHECK(index.keys() == 0);
    CHECK(index.bytes() < full / 50);
    change(1);
    CHECK(index.bytes() < full * 11 / 10);
  }
}

TEST_CASE("a probe shows a block of keys") {
  ls::Index<std::int64_t, std::int64_t> index;
  const auto add = [&](std::int64_t key, std::int64_t value, ls::Weight weight) {
    index.add(key, ls::row_traits<std::int64_t>::hash(key), value, weight);
  };
  add(1, 10, 2);
  add(1, 11, -1);
  add(3, 30, 1);
  const std::int64_t keys[] = {1, 2, 3};
  const std::int64_t* wanted[] = {&keys[0], &keys[1], &keys[2]};
  std::uint64_t hashes[3];
  for (int i = 0; i < 3; ++i) hashes[i] = ls::row_traits<std::int64_t>::hash(keys[i]);
  ls::Match<std::int64_t> found[3];
  ls::Batch<std::int64_t> made;
  index.probe({wanted, 3}, {hashes, 3}, {found, 3}, made);
  CHECK(found[0].rows.size() == 2);
  CHECK(found[1].rows.empty());
  REQUIRE(found[2].rows.size() == 1);
  CHECK(found[2].rows[0].row == 30);
}

TEST_CASE("a weight that leaves its range within a step and comes back is no overflow") {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  ls::Index<std::int64_t, std::int64_t> index;
  const auto add = [&](ls::Weight weight) { index.add(1, ls::row_traits<std::int64_t>::hash(1), 5, weight); };
  add(kMax);
  add(kMax);
  add(-kMax);
  CHECK_NOTHROW(index.settle());
  CHECK(index.find(1, ls::row_traits<std::int64_t>::hash(1)).rows[0].weight == kMax);
  add(1);
  CHECK_THROWS_AS(index.settle(), ls::RowError);
}
