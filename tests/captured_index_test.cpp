#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "runtime/state/index.hpp"
#include "runtime/state/weight_table.hpp"

// What indexes and Z-sets tell of their changes, which have no marks.

namespace ls = lockstep;
using Number = std::int64_t;
using Index = ls::Index<Number, Number>;
using WeightTable = ls::WeightTable<Number, ls::RowHash, ls::NoMarkButLink>;
using Model = std::map<std::pair<Number, Number>, Number>;

namespace {

const ls::CaptureWindow kPast{std::chrono::steady_clock::time_point::min()};  // one segment at a time

void add(Index& index, const std::pair<Number, Number>& row, Number weight) {
  index.add(row.first, ls::row_traits<Number>::hash(row.first), row.second, weight);
}
void add(WeightTable& table, const std::pair<Number, Number>& row, Number weight) {
  table.add(row.first * 1000 + row.second, weight);
}

Model contents(const Index& index) {
  Model found;
  index.for_each([&](Number key, Number value, ls::Weight weight) { found[{key, value}] = weight; });
  return found;
}
Model contents(const WeightTable& table) {
  Model found;
  ls::Int128 total = 0;
  table.for_each([&](Number row, ls::Weight weight) {
    found[{row / 1000, row % 1000}] = weight;
    total += weight;
  });
  CHECK(table.total() == total);
  return found;
}

void write_on(ls::Capture& capture, std::size_t segments, std::size_t which) {
  for (; segments != 0; --segments, ++which) {
    auto& range = capture.ranges()[which % capture.ranges().size()];
    if (!range.done()) capture.advance(range, kPast);
  }
}
void write_all(ls::Capture& capture) {
  while (!capture.done()) write_on(capture, 100, 0);
}

/// What a store keeps: of each slot a base, and changes upon it.
struct Kept {
  std::vector<std::string> slots = std::vector<std::string>(ls::kSlots);

  void add(const ls::StateWriter& items, const ls::SlotSet& changes_of) {
    for (unsigned slot = 0; slot < ls::kSlots; ++slot) {
      if (!changes_of[slot]) slots[slot].clear();
    }
    items.for_each([this](unsigned slot, std::string_view bytes) { slots[slot] += bytes; });
  }
  template <class State>
  Model loaded(const ls::IndexLimits& limits) const {
    State state(limits);
    for (const std::string& slot : slots) {
      ls::Decoder in(slot);
      state.load(in);
    }
    return contents(state);
  }
};

}  // namespace

TEMPLATE_TEST_CASE("changes upon what was kept before give an index as it was, whatever steps do to it meanwhile",
                   "[capture]", Index, WeightTable) {
  const auto limits =
      GENERATE(ls::IndexLimits{}, ls::IndexLimits::minimum(),
               ls::IndexLimits{.segment_bytes = 300, .rows_in_segment = 3}, ls::IndexLimits{.segment_bytes = 4000});
  std::mt19937_64 random(limits.segment_bytes + limits.links);
  TestType state(limits);
  Model now;
  Model then;
  Kept kept;
  std::unique_ptr<ls::Capture> capture;
  ls::SlotSet changes_of;
  bool to_keep = false;
  int with_changes = 0;
  int whole = 0;
  for (int step = 0; step < 4000; ++step) {
    // Grows, shrinks, changes nearly all at once; a few keys have many rows; some come and go in one step.
    const bool shrinks = step / 80 % 2 == 1;
    for (std::size_t i = step % 400 == 0 ? 3000 : random() % 40; i != 0; --i) {
      const auto key = static_cast<Number>(random() % 20 == 0 ? random() % 3 : random() % 700);
      const std::pair<Number, Number> row{key, static_cast<Number>(random() % (key < 3 ? 200 : 2))};
      const auto found = now.find(row);
      const Number before = found == now.end() ? 0 : found->second;
      const Number after = shrinks && random() % 4 != 0 ? 0 : static_cast<Number>(random() % 7) - 3;
      if (before != 0 && random() % 2 == 0) {
        add(state, row, -before);
        add(state, row, after);
      } else {
        add(state, row, after - before);
      }
      if (after == 0) {
        now.erase(row);
      } else {
        now[row] = after;
      }
    }
    if (capture == nullptr && random() % 3 == 0) {
      then = now;
      changes_of.reset();
      if (state.table().tells_changes()) {
        changes_of.set();
        for (std::size_t i = random() % 20; i != 0; --i) changes_of.reset(random() % ls::kSlots);
      }
      to_keep = random() % 20 != 0;
      capture = state.capture(to_keep ? &changes_of : nullptr);
    } else if (capture != nullptr) {
      write_on(*capture, random() % 200, random() % 8);
      if (random() % 100 == 0) capture.reset();
      if (capture == nullptr || !capture->done()) continue;
      ls::StateWriter items;
      capture->save(items);
      if (!to_keep) {
        Kept alone;
        alone.add(items, {});
        REQUIRE(alone.loaded<TestType>(limits) == then);
      } else {
        Kept with = kept;
        with.add(items, changes_of);
        if ((with_changes + whole) % 4 == 0) REQUIRE(with.loaded<TestType>(limits) == then);
        ++(changes_of.any() ? with_changes : whole);
        if (random() % 4 != 0) {  // or it is not kept: what came then is told again
          capture->keep();
          kept = std::move(with);
        }
      }
      capture.reset();
    }
  }
  INFO("segments of " << limits.segment_bytes << " bytes, " << limits.links << " links");
  CHECK(contents(state) == now);
  CHECK(with_changes > 50);
  CHECK(whole > 0);
}

namespace {

/// How many keys are told when this index is captured, and that is kept.
std::uint64_t told(Index& index) {
  const ls::SlotSet changes_of = index.table().tells_changes() ? ls::SlotSet().set() : ls::SlotSet();
  const std::unique_ptr<ls::Capture> capture = index.capture(&changes_of);
  write_all(*capture);
  capture->keep();
  ls::StateWriter items;
  capture->save(items);
  return items.items();
}

}  // namespace

TEST_CASE("of an index in which little has changed, little is told", "[capture]") {
  Index index;
  for (Number key = 0; key < 100'000; ++key) add(index, {key, 1}, 1);
  CHECK(told(index) == 100'000);
  CHECK(told(index) == 0);
  for (Number key = 0; key < 10; ++key) add(index, {10'000 * key, key % 2}, 1);
  CHECK(told(index) == 10);
  add(index, {7, 1}, -1);
  add(index, {100'001, 1}, 1);
  CHECK(told(index) == 2);
}

TEST_CASE("a key that comes and goes many times is told once", "[capture]") {
  Index index;
  for (Number key = 0; key < 10'000; ++key) add(index, {key, 1}, 1);
  CHECK(told(index) == 10'000);
  for (int i = 0; i < 50'000; ++i) {
    add(index, {i % 100, 1}, -1);
    add(index, {i % 100, 1}, 1);
  }
  CHECK(index.table().tells_changes());
  CHECK(told(index) < 2'000);
  for (Number key = 0; key < 5'000; ++key) add(index, {key, 1}, -1);
  CHECK_FALSE(index.table().tells_changes());  // more than is listed: all is written
  CHECK(told(index) == 5'000);
}

TEST_CASE("an index tells changes on and on, but for one time in some hundreds", "[capture]") {
  Index index;
  for (Number key = 0; key < 1'000; ++key) add(index, {key, 1}, 1);
  std::uint64_t whole = 0;
  for (Number i = 0; i < 2'000; ++i) {
    add(index, {i % 1'000, 2 + i / 1'000}, 1);
    const std::uint64_t count = told(index);
    REQUIRE((count == 1 || count == 1'000));
    whole += count == 1'000 ? 1 : 0;
  }
  CHECK(whole <= 9);
}
