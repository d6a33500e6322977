#include <atomic>
#include <catch2/catch.hpp>
#include <lockstep.hpp>
#include <map>
#include <new>
#include <numeric>
#include <random>
#include <thread>

#include "runtime/clock/clock.hpp"
#include "runtime/durability/save.hpp"
#include "runtime/state/captured_table.hpp"
#include "runtime/state/hash_table.hpp"
#include "tests/delta_text.hpp"

// State as of one step, written while steps go on.

namespace ls = lockstep;
using Number = std::int64_t;

namespace {

const ls::CaptureWindow kPast{std::chrono::steady_clock::time_point::min()};  // one segment at a time

struct Mark {};
using Table = ls::HashTable<Number, Number, Mark>;

std::uint64_t hash(Number key) { return ls::row_traits<Number>::hash(key); }

void set(Table& table, Number key, Number payload) {
  const auto marked = table.mark(table.insert(key, hash(key))).first;
  marked->entry->payload = payload;
  marked->written();
}

/// A segment's worth, of one of its ranges.
void advance(ls::Capture& capture, std::size_t which = 0) {
  ls::Array<ls::Capture::Range>& ranges = capture.ranges();
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    ls::Capture::Range& range = ranges[(which + i) % ranges.size()];
    if (range.done()) continue;
    capture.advance(range, kPast);
    return;
  }
}

/// Some segments' worth more. Returns whether all is written; now and then, nobody wants it any more.
template <class Captured>
bool goes_on(std::unique_ptr<Captured>& capture, std::mt19937_64& random) {
  for (std::size_t i = random() % 200; i != 0 && !capture->done(); --i) advance(*capture, random());
  if (capture->done()) return true;
  if (random() % 200 == 0) capture.reset();
  return false;
}

struct WriteNumber {
  void operator()(ls::Encoder& out, Number payload, const auto&) const { out.zigzag(payload); }
};

std::map<Number, Number> decoded(const ls::StateWriter& items) {
  std::map<Number, Number> found;
  items.for_each([&](unsigned slot, std::string_view bytes) {
    for (ls::Decoder in(bytes); !in.at_end();) {
      const Number key = in.zigzag();
      REQUIRE(ls::slot_of(hash(key)) == slot);
      REQUIRE(found.emplace(key, in.zigzag()).second);  // each once
    }
  });
  return found;
}

}  // namespace

TEST_CASE("a captured table is as it was, whatever steps do to it meanwhile", "[capture][one thread]") {
  const auto limits = GENERATE(ls::IndexLimits{}, ls::IndexLimits::minimum(), ls::IndexLimits{.segment_bytes = 300});
  std::mt19937_64 random(limits.segment_bytes);
  Table table(limits);
  std::map<Number, Number> now;
  std::map<Number, Number> then;
  std::unique_ptr<ls::CapturedTable<Table, WriteNumber>> capture;
  int captures = 0;
  for (int step = 0; step < 3000; ++step) {
    const Number keys = step / 60 % 2 == 0 ? 2000 : 100;  // grows, and shrinks, while it is captured
    for (std::size_t i = random() % 40; i != 0; --i) {
      const auto key = static_cast<Number>(random() % 2000);
      const Number payload = key >= keys || random() % 3 == 0 ? 0 : static_cast<Number>(random() % 100);
      set(table, key, payload);
      if (payload == 0) {
        now.erase(key);
      } else {
        now[key] = payload;
      }
    }
    table.drain_marks([](const auto&) {});
    if (capture == nullptr && random() % 5 == 0) {
      then = now;
      capture = std::make_unique<ls::CapturedTable<Table, WriteNumber>>(table);
    } else if (capture != nullptr) {
      if (!goes_on(capture, random)) continue;
      ls::StateWriter items;
      capture->save(items);
      REQUIRE(decoded(items) == then);
      capture.reset();
      ++captures;
    }
  }
  CHECK(captures > 20);
}

TEST_CASE("changes upon what was kept before give a table as it was, whatever steps do to it meanwhile",
          "[capture][one thread]") {
  const auto limits =
      GENERATE(ls::IndexLimits{}, ls::IndexLimits{.segment_bytes = 1}, ls::IndexLimits{.segment_bytes = 300},
               ls::IndexLimits{.segment_bytes = 300, .links = 6000});
  std::mt19937_64 random(limits.segment_bytes + limits.links);
  Table table(limits);
  std::map<Number, Number> now;
  std::map<Number, Number> then;
  std::map<Number, Number> kept;
  std::unique_ptr<ls::CapturedTable<Table, WriteNumber>> capture;
  ls::SlotSet changes_of;
  bool to_keep = false;
  int with_changes = 0;
  int whole = 0;
  std::size_t told = 0;
  for (int step = 0; step < 6000; ++step) {
    // Grows, shrinks, loses nearly all at once, has keys that come once, while it is captured.
    const Number keys = step / 60 % 2 == 0 ? 2000 : 100;
    const Number first = step / 1000 % 2 == 0 ? 0 : 20 * step;
    for (std::size_t i = step % 500 == 0 ? 4000 : random() % 40; i != 0; --i) {
      const auto key = static_cast<Number>(random() % 2000);
      const Number payload = key >= keys || random() % 3 == 0 ? 0 : static_cast<Number>(1 + random() % 100);
      set(table, first + key, payload);
      if (payload == 0) {
        now.erase(first + key);
      } else {
        now[first + key] = payload;
      }
    }
    table.drain_marks([](const auto&) {});
    if (capture == nullptr && random() % 5 == 0) {
      then = now;
      changes_of.reset();
      if (table.tells_changes()) {
        changes_of.set();
        for (std::size_t i = random() % 20; i != 0; --i) changes_of.reset(random() % ls::kSlots);
      }
      to_keep = random() % 20 != 0;
      capture = std::make_unique<ls::CapturedTable<Table, WriteNumber>>(table, to_keep ? &changes_of : nullptr);
    } else if (capture != nullptr) {
      if (!goes_on(capture, random)) continue;
      ls::StateWriter items;
      capture->save(items);
      std::map<Number, Number> found;
      for (const auto& [key, payload] : kept) {
        if (capture->has_only_changes(hash(key))) found.emplace(key, payload);
      }
      told += items.items();
      items.for_each([&](unsigned, std::string_view bytes) {
        for (ls::Decoder in(bytes); !in.at_end();) {
          const Number key = in.zigzag();
          const Number payload = in.zigzag();
          found.erase(key);
          if (payload != 0) found.emplace(key, payload);
        }
      });
      REQUIRE(found == then);
      ++(to_keep && changes_of.any() ? with_changes : whole);
      if (to_keep && random() % 4 != 0) {  // or it is not kept: what came then is told again
        capture->keep();
        kept = then;
      }
      capture.reset();
    }
  }
  INFO("segments of " << limits.segment_bytes << " bytes, " << limits.links << " links");
  CHECK(with_changes > 50);
  CHECK(whole > 0);
  CHECK(told > 1000);
}

TEST_CASE("of a table in which little has changed, little is told, and what it holds is counted", "[capture]") {
  Table table;
  for (Number key = 0; key < 100'000; ++key) set(table, key, 1);
  table.drain_marks([](const auto&) {});
  const auto changes = [&](bool is_kept) {
    const ls::SlotSet changes_of = table.tells_changes() ? ls::SlotSet().set() : ls::SlotSet();
    ls::CapturedTable<Table, WriteNumber> capture(table, &changes_of);
    while (!capture.done()) advance(capture);
    if (is_kept) capture.keep();
    CHECK(capture.entries() + 10 > table.size());
    ls::StateWriter items;
    capture.save(items);
    return items.items();
  };
  CHECK(changes(true) == 100'000);
  CHECK(changes(true) == 0);
  for (Number key = 0; key < 10; ++key) set(table, 10'000 * key, key % 2);
  table.drain_marks([](const auto&) {});
  CHECK(changes(false) == 10);
  CHECK(changes(true) == 10);
  set(table, 7, 3);
  table.drain_marks([](const auto&) {});
  CHECK(changes(true) == 1);
  for (Number key = 0; key < 100'000; ++key) set(table, key, 0);  // more than is listed
  table.drain_marks([](const auto&) {});
  CHECK_FALSE(table.tells_changes());
  CHECK(changes(true) == 0);
  CHECK(table.tells_changes());
}

namespace {

/// Has no memory for a number in the hundreds.
struct WriteSmallNumber {
  void operator()(ls::Encoder&, Number payload, const auto&) const {
    if (payload >= 100) throw std::bad_alloc();
  }
};

}  // namespace

TEST_CASE("a capture that has no memory fails, and the step that it met does not", "[capture]") {
  Table table;
  for (Number key = 0; key < 200; ++key) set(table, key, 1 + key);
  table.drain_marks([](const auto&) {});
  ls::CapturedTable<Table, WriteSmallNumber> capture(table);
  CHECK_NOTHROW(set(table, 150, 2));
  CHECK_NOTHROW(set(table, 151, 2));
  table.drain_marks([](const auto&) {});
  CHECK_THROWS_AS(advance(capture), std::bad_alloc);
  CHECK_THROWS_AS(advance(capture), std::bad_alloc);
}

TEST_CASE("a capture of a table that has gone says so", "[capture]") {
  auto table = std::make_unique<Table>();
  set(*table, 1, 1);
  table->drain_marks([](const auto&) {});
  ls::CapturedTable<Table, WriteNumber> capture(*table);
  table.reset();
  advance(capture);
  CHECK_THROWS_AS(capture.done(), std::logic_error);
}

namespace {

/// One of each operator with state.
struct EachOperator {
  ls::Dataflow flow;
  ls::Input<std::pair<Number, Number>> in = flow.input<std::pair<Number, Number>>("in");
  ls::Input<std::pair<Number, Number>> other = flow.input<std::pair<Number, Number>>("other");
  using Named = std::pair<Number, std::string>;
  decltype(flow.table<Named>("", &Named::first)) names = flow.table<Named>("names", &Named::first);
  std::vector<std::function<std::string(const ls::Snapshot&)>> outputs;

  EachOperator() {
    const auto keyed = in | ls::key_by(&std::pair<Number, Number>::first, &std::pair<Number, Number>::second);
    const auto others = other | ls::key_by(&std::pair<Number, Number>::first, &std::pair<Number, Number>::second);
    const auto second = &std::pair<Number, Number>::second;
    show("groups", in | ls::group_by(&std::pair<Number, Number>::first, ls::count(), ls::sum(second)));
    show("extremes", in | ls::group_by(&std::pair<Number, Number>::first, ls::min(second), ls::max(second),
                                       ls::count_distinct(second)));
    show("total", in | ls::aggregate(ls::sum(second)));
    show("distinct", in | ls::distinct());
    show("intersection", in | ls::intersect(other));
    show("join", keyed | ls::join(others, [](Number a, Number b) { return a + b; }));
    show("anti", keyed | ls::anti_join(others));
    show("named", keyed | ls::join(names, [](Number, const Named& name) { return name.second; }));
  }

  template <class S>
  void show(const char* name, const S& stream) {
    const auto output = stream | ls::output(name, ls::accumulated);
    outputs.push_back([output](const ls::Snapshot& snapshot) { return text(snapshot[output]); });
  }
  std::string contents(const ls::Snapshot& snapshot) const {
    std::string all;
    for (const auto& one : outputs) all += one(snapshot) + "\n";
    return all;
  }
  /// Stages the rows of a step.
  void push(ls::Session& session, std::uint64_t step) const {
    std::mt19937_64 random(step);
    const auto row = [&] { return std::pair(static_cast<Number>(random() % 6), static_cast<Number>(random() % 30)); };
    for (std::size_t i = random() % 12; i != 0; --i) session[in].push(row(), random() % 3 == 0 ? -1 : 1);
    for (std::size_t i = random() % 4; i != 0; --i) session[other].push(row(), random() % 3 == 0 ? -1 : 1);
    if (step % 2 == 0) session[names].upsert({static_cast<Number>(random() % 6), std::to_string(step)});
    if (step % 5 == 0) session[names].erase(static_cast<Number>(random() % 6));
  }
};

}  // namespace

TEST_CASE("a runtime is saved as of one step, though others are made between all parts of its state", "[capture]") {
  const EachOperator each;
  const bool small = GENERATE(true, false);
  const ls::RuntimeOptions options{.workers = small ? 2U : 1U,
                                   .limits = small ? ls::IndexLimits::minimum() : ls::IndexLimits{}};
  std::mt19937_64 random(3);
  const auto retire = [](ls::Clock* clock) { clock->retire(); };
  const std::unique_ptr<ls::Clock, decltype(retire)> clock(
      new ls::Clock(std::make_shared<const ls::Description>(*each.flow.description()), options), retire);
  const auto session = clock->engine().intake().open(1);
  std::uint64_t step = 0;
  const auto make_step = [&] {
    each.push(*session, ++step);
    clock->step();
  };
  int windows = 0;
  for (int round = 0; round < 12; ++round) {
    for (std::size_t i = random() % 20; i != 0; --i) make_step();
    const std::string then = each.contents(clock->snapshot());
    const std::uint64_t pinned_at = step;
    auto pinned = clock->between_steps(
        "a test", [](ls::Engine& engine) { return std::make_unique<ls::PinnedEngine>(engine, nullptr); });
    while (!clock->between_steps("a test", [&](ls::Engine&) { return pinned->capture(kPast); })) {
      if (random() % 4 == 0) make_step();
      ++windows;
    }
    make_step();  // which is not seen either
    ls::Runtime loaded(each.flow, {.workers = 3}, pinned->save());
    CHECK(loaded.latest().number() == pinned_at);
    CHECK(each.contents(loaded.snapshot()) == then);
    const auto again = loaded.open_session(1);
    for (std::uint64_t next = pinned_at + 1; next <= step; ++next) {
      each.push(*again, next);
      loaded.step();
    }
    CHECK(each.contents(loaded.snapshot()) == each.contents(clock->snapshot()));
  }
  CHECK(windows > 50);
}

TEST_CASE("saves that are taken at once are each of one step", "[capture]") {
  constexpr Number kKeys = 200'000;
  constexpr Number kChanged = 2'000;
  ls::Dataflow flow;
  const auto in = flow.input<Number>("in");
  const auto counts = in | ls::group_by(ls::value, ls::count()) | ls::output("counts");
  ls::Runtime runtime(flow);
  std::vector<Number> rows(kKeys);
  std::iota(rows.begin(), rows.end(), Number{0});
  runtime[in].push(rows);
  runtime.step();
  const auto rows_of = [](Number step) {
    std::vector<Number> changed;
    for (Number i = 0; i < kChanged; ++i) changed.push_back((step * 7919 + i) % kKeys);
    return changed;
  };

  std::atomic<int> saving = 2;
  std::vector<ls::SavedState> saves[2];
  std::vector<std::thread> savers;
  for (auto& mine : saves) {
    savers.emplace_back([&] {
      for (int i = 0; i < 3; ++i) mine.push_back(runtime.save());
      --saving;
    });
  }
  Number step = 1;
  while (saving != 0) {
    runtime[in].push(rows_of(++step));
    runtime.step();
  }
  for (std::thread& saver : savers) saver.join();

  for (const auto& mine : saves) {
    for (const ls::SavedState& saved : mine) {
      ls::Runtime loaded(flow, {}, saved);
      std::vector<Number> expected(kKeys, 1);
      for (Number made = 2; made <= static_cast<Number>(loaded.latest().number()); ++made) {
        for (const Number key : rows_of(made)) ++expected[static_cast<std::size_t>(key)];
      }
      loaded[in].push(rows);  // so that what each count was is taken back
      std::size_t wrong = static_cast<std::size_t>(kKeys);
      for (const auto& [row, weight] : loaded.step()[counts]) {
        if (weight < 0 && row.second == expected[static_cast<std::size_t>(row.first)]) --wrong;
      }
      CHECK(wrong == 0);
    }
  }
}
