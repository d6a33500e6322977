#include "runtime/state/hash_table.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <ctime>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "runtime/state/weight_table.hpp"

namespace ls = lockstep;

namespace {

using Key = std::int64_t;
std::uint64_t hash(Key key) { return ls::row_traits<Key>::hash(key); }

/// Says which hash a table sees; see the colliding tests.
struct TopBitsOnly {
  std::uint64_t operator()(Key key) const { return ls::row_traits<Key>::hash(key) | 0xffffffff; }
};
struct AllTheSame {
  std::uint64_t operator()(Key) const { return 0x123456789abcdef0; }
};
struct OneSlot {
  std::uint64_t operator()(Key key) const { return ls::row_traits<Key>::hash(key) >> ls::kSlotBits; }
};

template <class Hash>
void behaves_like_a_map(const ls::IndexLimits& limits, int keys, int operations) {
  ls::HashTable<Key, std::string, ls::NoMark, Hash> table(limits);
  std::map<Key, std::string> model;
  std::mt19937_64 random(7);
  for (int i = 0; i < operations; ++i) {
    const Key key = static_cast<Key>(random() % static_cast<unsigned>(keys));
    // Grows in the first half, shrinks in the second.
    if (random() % 10 < (i < operations / 2 ? 7U : 2U)) {
      const std::string value = "a value that needs the heap " + std::to_string(i);
      table.insert(key, Hash()(key))->payload = value;
      model[key] = value;
    } else if (table.find(key, Hash()(key)) != nullptr) {
      table.erase(table.insert(key, Hash()(key)), Hash()(key));
      REQUIRE(model.erase(key) == 1);
    } else {
      REQUIRE(model.count(key) == 0);
    }
    REQUIRE(table.size() == model.size());
  }
  std::size_t seen = 0;
  table.for_each([&](const auto& entry) {
    ++seen;
    REQUIRE(model.at(entry.key) == entry.payload);
  });
  CHECK(seen == model.size());
  for (const auto& [key, value] : model) REQUIRE(table.find(key, Hash()(key))->payload == value);
}

}  // namespace

TEST_CASE("a table is a map") {
  behaves_like_a_map<ls::RowHash>({}, 5000, 40000);
  behaves_like_a_map<ls::RowHash>(ls::IndexLimits::minimum(), 500, 10000);
  behaves_like_a_map<ls::RowHash>({.segment_bytes = 300}, 1000, 20000);
}

TEST_CASE("a table is a map when hashes collide in part or wholly") {
  behaves_like_a_map<TopBitsOnly>(ls::IndexLimits::minimum(), 300, 6000);
  behaves_like_a_map<AllTheSame>(ls::IndexLimits::minimum(), 100, 3000);
  behaves_like_a_map<AllTheSame>({}, 300, 3000);
  behaves_like_a_map<OneSlot>(ls::IndexLimits::minimum(), 500, 10000);
}

TEST_CASE("an empty table finds nothing and holds next to nothing") {
  const ls::HashTable<Key, std::int64_t> table;
  CHECK(table.find(1, hash(1)) == nullptr);
  CHECK(table.size() == 0);
  CHECK(table.bytes() < 100);
  table.for_each([](const auto&) { FAIL("there is nothing"); });
}

TEST_CASE("memory of erased entries is given back") {
  for (const auto& limits : {ls::IndexLimits{}, ls::IndexLimits::minimum()}) {
    ls::HashTable<Key, std::int64_t> table(limits);
    for (Key key = 0; key < 20000; ++key) table.insert(key, hash(key));
    const std::size_t full = table.bytes();
    if (limits.segment_bytes > 1) CHECK(full < 20000 * 24 * 2);
    for (Key key = 0; key < 20000; ++key) table.erase(table.insert(key, hash(key)), hash(key));
    CHECK(table.size() == 0);
    CHECK(table.bytes() < full / 50);
  }
}

namespace {

/// Of the first few keys the hashes agree in all but their last bits, so that one segment lies deep.
struct DeepCorner {
  std::uint64_t operator()(Key key) const {
    return key < 8 ? std::uint64_t{0xfffff} << 44 | static_cast<std::uint64_t>(key) << 41 : hash(key);
  }
};

/// Of this thread alone, since the machine may be busy with other tests.
std::chrono::nanoseconds processor_time() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

TEST_CASE("to empty a table takes about as long as to fill it, though a segment stays deep") {
  constexpr Key kKeys = 16'000;
  auto filling = std::chrono::nanoseconds::max();
  auto emptying = filling;
  for (int round = 0; round < 10; ++round) {
    ls::HashTable<Key, std::int64_t, ls::NoMark, DeepCorner> table(ls::IndexLimits::minimum());
    const auto begin = processor_time();
    for (Key key = 0; key < kKeys; ++key) table.insert(key, DeepCorner()(key));
    const auto full = processor_time();
    for (Key key = 8; key < kKeys; ++key) table.erase(table.insert(key, DeepCorner()(key)), DeepCorner()(key));
    CHECK(table.size() == 8);
    filling = std::min(filling, full - begin);
    emptying = std::min(emptying, processor_time() - full);
  }
  CHECK(emptying < 20 * filling);  // hundreds of times as long if each merge looked at all segments
}

TEST_CASE("a pin stays as it was while the table goes on") {
  for (const auto& limits : {ls::IndexLimits{}, ls::IndexLimits::minimum()}) {
    ls::HashTable<Key, std::int64_t> table(limits);
    for (Key key = 0; key < 1000; ++key) table.insert(key, hash(key))->payload = key;
    const auto pin = table.pin();
    for (Key key = 0; key < 1000; key += 2) table.erase(table.insert(key, hash(key)), hash(key));
    for (Key key = 1; key < 1000; key += 2) table.insert(key, hash(key))->payload = -key;
    for (Key key = 1000; key < 3000; ++key) table.insert(key, hash(key))->payload = key;
    const auto later = table.pin();
    for (Key key = 0; key < 3000; ++key) table.insert(key, hash(key))->payload = 0;

    CHECK(pin.size() == 1000);
    std::size_t seen = 0;
    pin.for_each([&](const auto& entry) {
      ++seen;
      REQUIRE(entry.payload == entry.key);
    });
    CHECK(seen == 1000);
    later.for_each([](const auto& entry) { REQUIRE(entry.payload == (entry.key < 1000 ? -entry.key : entry.key)); });
    CHECK(later.size() == 2500);
  }
}

TEST_CASE("a pin costs a copy of what is written after it and no more") {
  ls::HashTable<Key, std::int64_t> table({.segment_bytes = 4096});
  for (Key key = 0; key < 100000; ++key) table.insert(key, hash(key));
  const std::size_t bytes = table.bytes();
  {
    const auto pin = table.pin();
    table.insert(5, hash(5))->payload = 1;
    CHECK(table.bytes() == bytes);
    CHECK(table.find(5, hash(5)) != pin.find(5, hash(5)));
    CHECK(table.find(6, hash(6)) == pin.find(6, hash(6)));
  }
  const auto* entry = table.find(6, hash(6));
  table.insert(6, hash(6));
  CHECK(table.find(6, hash(6)) == entry);
}

TEST_CASE("marks follow their entries through growth, splits, sweeps and merges") {
  struct Mark {
    Key key = -1;
  };
  ls::HashTable<Key, std::int64_t, Mark> table(ls::IndexLimits::minimum());
  for (Key key = 0; key < 2000; ++key) {
    const auto [marked, first] = table.marks().mark(table.insert(key, hash(key)));
    REQUIRE(first);
    marked->mark.key = key;
    marked->entry->payload = key % 100 == 0 ? 1 : 0;
    marked->written();
    REQUIRE_FALSE(table.marks().mark(table.insert(key, hash(key))).second);
  }
  CHECK(table.marks().size() == 2000);
  for (Key key = 0; key < 2000; ++key) {
    const auto& marked = table.marks()[static_cast<std::size_t>(key)];
    REQUIRE(marked.entry->key == marked.mark.key);
  }
  table.drain_marks([](const auto& marked) { CHECK(marked.key() == marked.mark.key); });
  CHECK(table.size() < 20 * 4);
  CHECK(table.marks().empty());
  std::size_t seen = 0;
  table.for_each([&](const auto& entry) {
    ++seen;
    CHECK(entry.key % 100 == 0);
  });
  CHECK(seen == 20);
}

namespace {

/// Sets payloads in a step.
template <class Table>
void set_all(Table& table, Key begin, Key end, std::int64_t payload) {
  for (Key key = begin; key < end; ++key) {
    const auto marked = table.marks().mark(table.insert(key, hash(key))).first;
    marked->entry->payload = payload;
    marked->written();
  }
  table.drain_marks([](const auto&) {});
}

template <class Table>
std::size_t rows_of(const Table& table) {
  std::size_t rows = 0;
  table.for_each([&](const auto&) { ++rows; });
  return rows;
}

}  // namespace

TEST_CASE("a vacant entry stays a while, says nothing, and may come again") {
  struct Mark {};
  ls::HashTable<Key, std::int64_t, Mark> table;
  set_all(table, 0, 10, 5);
  const auto* entry = table.find(3, hash(3));
  set_all(table, 3, 4, 0);
  CHECK(rows_of(table) == 9);
  const unsigned slot = ls::slot_of(hash(3));
  table.for_each_in({slot, slot + 1}, [](const auto&, const auto&) { FAIL("vacant"); });
  REQUIRE(table.find(3, hash(3)) == entry);
  CHECK(entry->payload == 0);
  set_all(table, 3, 4, 7);
  CHECK(table.find(3, hash(3)) == entry);
  CHECK(rows_of(table) == 10);
}

TEST_CASE("vacant entries give way to new ones, and give memory back when there are many") {
  struct Mark {};
  for (const auto& limits : {ls::IndexLimits{}, ls::IndexLimits::minimum(), ls::IndexLimits{.segment_bytes = 300}}) {
    ls::HashTable<Key, std::int64_t, Mark> table(limits);
    set_all(table, 0, 5000, 1);
    const std::size_t full = table.bytes();
    for (Key key = 0; key < 50000; key += 500) {
      set_all(table, 5000 + key, 5500 + key, 1);
      set_all(table, key, 500 + key, 0);
      REQUIRE(rows_of(table) == 5000);
      REQUIRE(table.bytes() < full * 4);
    }
    set_all(table, 50000, 54750, 0);
    CHECK(rows_of(table) == 250);
    if (limits.segment_bytes > 1000) CHECK(table.bytes() < full / 2);
    set_all(table, 54750, 55000, 0);
    CHECK(rows_of(table) == 0);
    CHECK(table.size() == 0);
    CHECK(table.bytes() < full / 50);
  }
}

TEST_CASE("a pin keeps entries that have become vacant since") {
  struct Mark {};
  ls::HashTable<Key, std::int64_t, Mark> table(ls::IndexLimits::minimum());
  set_all(table, 0, 1000, 1);
  const auto pin = table.pin();
  set_all(table, 0, 1000, 0);
  set_all(table, 1000, 2000, 1);
  CHECK(rows_of(pin) == 1000);
  CHECK(rows_of(table) == 1000);
  pin.for_each([](const auto& entry) { REQUIRE(entry.key < 1000); });
}

TEST_CASE("marks of earlier steps are forgotten, even when links have run out") {
  struct Mark {
    int step = 0;
  };
  ls::HashTable<Key, std::int64_t, Mark> table({.links = 100});
  const auto pinned_step = 40;
  std::optional<decltype(table)> pin;
  for (int step = 0; step < 100; ++step) {
    for (Key key = 0; key < 50; ++key) {
      if ((step + key) % 3 == 0) continue;
      for (int time = 0; time < 2; ++time) {
        const auto [marked, first] = table.marks().mark(table.insert(key, hash(key)));
        REQUIRE(first == (time == 0));
        if (first) marked->mark.step = step;
        REQUIRE(marked->mark.step == step);
        marked->entry->payload += 1;
        marked->written();
      }
    }
    table.drain_marks([&](const auto& marked) {
      CHECK(marked.mark.step == step);
      CHECK(marked.payload() == marked.entry->payload);
    });
    if (step == pinned_step) pin.emplace(table.pin());
  }
  std::int64_t sum = 0;
  std::int64_t pinned_sum = 0;
  table.for_each([&](const auto& entry) { sum += entry.payload; });
  pin->for_each([&](const auto& entry) { pinned_sum += entry.payload; });
  CHECK(sum == 6666);
  CHECK(pinned_sum == 2734);
}

TEST_CASE("slots part a table, whatever its size") {
  for (const Key keys : {Key{3}, Key{500}, Key{20000}}) {
    ls::HashTable<Key, std::int64_t> table;
    for (Key key = 0; key < keys; ++key) table.insert(key, hash(key));
    std::set<Key> seen;
    for (unsigned slot = 0; slot < ls::kSlots; ++slot) {
      table.for_each_in({slot, slot + 1}, [&](const auto& entry, const auto&) {
        REQUIRE(ls::slot_of(hash(entry.key)) == slot);
        REQUIRE(seen.insert(entry.key).second);
      });
    }
    CHECK(seen.size() == static_cast<std::size_t>(keys));
  }
}

TEST_CASE("every worker owns slots, each slot has one owner") {
  for (const unsigned workers : {1U, 2U, 3U, 7U, 64U, ls::kSlots}) {
    unsigned last = 0;
    std::set<unsigned> owners;
    for (unsigned slot = 0; slot < ls::kSlots; ++slot) {
      const unsigned owner = ls::worker_of_slot(slot, workers);
      REQUIRE(owner < workers);
      REQUIRE(owner >= last);
      last = owner;
      owners.insert(owner);
    }
    CHECK(owners.size() == workers);
  }
}

TEST_CASE("a weight table drops rows of weight zero and tells carries") {
  ls::WeightTable<std::string> table;
  CHECK(table.add("a", 2) == 0);
  CHECK(table.add("b", -1) == 0);
  CHECK(table.add("a", -2) == 0);
  CHECK(table.weight_of("a") == 0);
  CHECK(table.weight_of("b") == -1);
  CHECK(table.size() == 1);
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  CHECK(table.add("c", kMax) == 0);
  CHECK(table.add("c", 1) == 1);
  CHECK(table.add("c", -1) == -1);
  CHECK(table.weight_of("c") == kMax);
}
