#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <limits>
#include <lockstep.hpp>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/event_time.hpp"

// Event time at the border: which rows are late, and up to when an input is complete.

using namespace std::chrono_literals;
using Catch::Matchers::Contains;

using namespace event_time;

TEST_CASE("a row is late if it is dated before its session's watermark, the latest time so far less the lateness",
          "[event_time]") {
  Events events;
  ls::Runtime runtime(events.flow);
  auto in = runtime[events.in];
  for (const Number time : {10, 5, 4, 20, 15, 14}) in.push(at(time));
  const ls::Step step = runtime.step();
  CHECK(times(step, events.out) == Times{5, 10, 15, 20});
  CHECK(step.watermark(events.in) == 15);
  const auto late = step[events.ledger].sorted();
  REQUIRE(late.size() == 2);
  CHECK(ls::to_string(late[0].row) ==
        R"({reason: "late: the watermark is 15", session: 0, position: 5, event_time: 14, )"
        R"(row: "{id: 0, at: 14, arrived: 0}", weight: 1})");
  CHECK(late[1].row.position == 2);
}

TEST_CASE("rows of a range or a transaction are judged one by one, where they join the session's others",
          "[event_time]") {
  Events events;
  ls::Runtime runtime(events.flow);
  const auto session = runtime.open_session();
  const ls::Transaction transaction = session->begin_transaction();
  transaction[events.in].push(at(3));
  transaction[events.in].push(std::vector{at(12), at(6), at(7)});
  (*session)[events.in].push(at(10));  // before the transaction, which is staged later
  session->commit(transaction);
  CHECK((*session)[events.in].try_push(std::vector{at(30), at(24), at(25)}) == 3);
  const ls::Step step = runtime.step();
  CHECK(times(step, events.out) == Times{7, 10, 12, 25, 30});
  std::map<std::uint64_t, std::optional<Number>> late;
  for (const auto& [row, weight] : step[events.ledger]) late[row.position] = row.event_time;
  CHECK(late == std::map<std::uint64_t, std::optional<Number>>{{1, 3}, {3, 6}, {6, 24}});
  CHECK(session->position(events.in) == 8);
}

TEST_CASE("sessions have watermarks of their own, and the input's is the least of them", "[event_time]") {
  Events events;
  ls::Runtime runtime(events.flow);
  const auto first = runtime.open_session();
  const auto second = runtime.open_session();
  CHECK(runtime.step().watermark(events.in) == std::nullopt);
  (*second)[events.in].set_active();
  (*first)[events.in].push(at(100));
  CHECK(runtime.step().watermark(events.in) == std::nullopt);  // the second might push anything
  (*second)[events.in].push(at(20));
  (*first)[events.in].push(at(200));
  const ls::Step step = runtime.step();
  CHECK(times(step, events.out) == Times{20, 200});
  CHECK(step.watermark(events.in) == 15);
  (*second)[events.in].push(at(300));
  CHECK(runtime.step().watermark(events.in) == 195);
  CHECK(runtime.step().watermark(events.in) == 195);
}

TEST_CASE("an idle session does not hold the watermark back, and is raised to it when it pushes again",
          "[event_time]") {
  Events events;
  ls::Runtime runtime(events.flow);
  const auto first = runtime.open_session();
  const auto second = runtime.open_session();
  (*first)[events.in].push(at(10));
  (*second)[events.in].push(at(100));
  CHECK(runtime.step().watermark(events.in) == 5);
  (*first)[events.in].set_idle();
  CHECK(runtime.step().watermark(events.in) == 95);
  (*first)[events.in].push(at(94));
  (*first)[events.in].push(std::vector{at(95), at(93), at(12)});
  const ls::Step back = runtime.step();
  CHECK(times(back, events.out) == Times{95});
  CHECK(back.watermark(events.in) == 95);
  std::vector<std::uint64_t> late;
  for (const auto& [row, weight] : back[events.ledger]) late.push_back(row.position);
  std::sort(late.begin(), late.end());
  CHECK(late == std::vector<std::uint64_t>{1, 3, 4});
  (*second)[events.in].push(at(200));
  CHECK(runtime.step().watermark(events.in) == 95);
  (*first)[events.in].push(at(94));  // its own watermark has been raised
  CHECK(runtime.step()[events.ledger].size() == 1);
}

TEST_CASE("when all sessions are idle, the watermark is the latest of theirs, in whatever order they became so",
          "[event_time]") {
  for (int order = 0; order < 3; ++order) {
    Events events;
    ls::Runtime runtime(events.flow);
    auto first = runtime.open_session();
    auto second = runtime.open_session();
    (*first)[events.in].push(at(10));
    (*second)[events.in].push(at(100));
    CHECK(runtime.step().watermark(events.in) == 5);
    (order == 0 ? first : second).reset();
    if (order != 2) CHECK(runtime.step().watermark(events.in) == (order == 0 ? 95 : 5));
    ls::Runtime again(events.flow, {}, runtime.save());
    (order == 0 ? second : first).reset();
    CHECK(runtime.step().watermark(events.in) == 95);
    if (order != 1) continue;
    (*again.open_session(1))[events.in].set_idle();
    CHECK(again.step().watermark(events.in) == 95);
  }
}

TEST_CASE("a session that ends holds the watermark back no longer, and makes a step of a started runtime",
          "[event_time]") {
  Events events;
  ls::Runtime runtime(events.flow);
  auto first = runtime.open_session();
  const auto second = runtime.open_session();
  (*first)[events.in].push(at(10));
  (*second)[events.in].push(at(100));
  CHECK(runtime.step().watermark(events.in) == 5);
  auto steps = runtime.subscribe();
  runtime.start();
  first.reset();
  CHECK(steps.next()->watermark(events.in) == 95);
  first = runtime.open_session(1);
  runtime.wait((*first)[events.in].push(at(94)));
  CHECK(runtime.latest()[events.ledger].size() == 1);
  CHECK(runtime.latest().watermark(events.in) == 95);
}

TEST_CASE("a number that is opened again before the session that ended is stepped begins anew", "[event_time]") {
  Events events;
  ls::Runtime runtime(events.flow);
  auto first = runtime.open_session(3);
  (*first)[events.in].push(at(100));
  runtime.step();
  (*first)[events.in].push(at(110));
  first.reset();
  first = runtime.open_session(3);
  (*first)[events.in].push(at(96));
  (*first)[events.in].push(at(94));
  const ls::Step step = runtime.step();
  CHECK(times(step, events.out) == Times{96, 110});
  CHECK(step.watermark(events.in) == 95);
}

TEST_CASE("rows without a time, or dated too far ahead, are malformed and move no watermark", "[event_time]") {
  using Time = std::chrono::sys_time<std::chrono::seconds>;
  using Row = std::pair<std::optional<Time>, Time>;
  ls::Dataflow flow;
  const auto in = flow.input<Row>("in", {}, ls::event_time(&Row::first, 1500ms).at_most(1min, &Row::second));
  const auto out = in | ls::output("out");
  ls::Runtime runtime(flow);
  const Time begin{1000s};
  runtime[in].push({begin + 60s, begin});
  runtime[in].push({begin + 61s, begin});
  runtime[in].push({std::nullopt, begin});
  const ls::Step step = runtime.step();
  CHECK(step[out].size() == 1);
  CHECK(step.watermark(in) == 1058);  // in seconds, the lateness rounded up
  const auto malformed = step[ls::ledger(in)].sorted();
  REQUIRE(malformed.size() == 2);
  CHECK(malformed[0].row.reason == "it has no event time");
  CHECK(malformed[0].row.event_time == std::nullopt);
  CHECK(malformed[1].row.reason == "its event time, 1061, is more than 60 after 1000");
  CHECK(malformed[1].row.event_time == 1061);
}

TEST_CASE("a change of a keyed table is late if the new row or the one that it replaces is", "[event_time]") {
  ls::Dataflow flow;
  const auto table = flow.table<Event>("table", &Event::id, {}, ls::event_time(&Event::at, kLateness));
  const auto out = table | ls::output("out", ls::accumulated);
  ls::Runtime runtime(flow);
  auto port = runtime[table];
  port.upsert({1, 10, 0});
  port.upsert({2, 30, 0});
  port.upsert({1, 31, 0});  // replaces a row of 10
  port.insert({3, 20, 0});
  port.erase(1);
  port.erase(2);
  port.insert({3, 27, 0});
  const ls::Step step = runtime.step();
  const ls::Snapshot snapshot = runtime.snapshot();
  CHECK(snapshot[out].find(1)->at == 10);
  CHECK(snapshot[out].find(2) == std::nullopt);
  CHECK(snapshot[out].find(3)->at == 27);
  std::map<std::uint64_t, std::string> late;
  for (const auto& [row, weight] : step[ls::ledger(table)]) late[row.position] = row.reason;
  CHECK(late == std::map<std::uint64_t, std::string>{
                    {2, "late: the watermark is 25, and the row of the key is dated before it"},
                    {3, "late: the watermark is 26"},
                    {4, "late: the watermark is 26, and the row of the key is dated before it"}});
  CHECK(step.watermark(table) == 26);
}

TEST_CASE("event time survives a restart: watermarks, sessions, and who is idle", "[event_time]") {
  Events events;
  const auto saved = [&] {
    ls::Runtime runtime(events.flow, {.workers = 3});
    for (std::uint64_t number = 1; number < 4; ++number) {  // they end
      (*runtime.open_session(number))[events.in].push(at(10));
    }
    const auto first = runtime.open_session(7);
    const auto second = runtime.open_session(8);
    const auto third = runtime.open_session(9);
    (*first)[events.in].push(at(100));
    (*second)[events.in].push(at(50));
    (*third)[events.in].push(at(40));
    (*third)[events.in].set_idle();
    CHECK(runtime.step().watermark(events.in) == 45);
    return runtime.save();
  }();
  ls::Runtime runtime(events.flow, {.workers = 2}, saved);
  CHECK(runtime.latest().watermark(events.in) == 45);
  const auto first = runtime.open_session(7);
  const auto third = runtime.open_session(9);
  (*first)[events.in].push(at(94));
  (*first)[events.in].push(at(95));
  (*third)[events.in].push(at(44));
  const ls::Step step = runtime.step();
  CHECK(times(step, events.out) == Times{95});
  CHECK(step.watermark(events.in) == 45);
  const auto second = runtime.open_session(8);
  (*second)[events.in].push(at(80));
  (*third)[events.in].set_idle();
  CHECK(runtime.step().watermark(events.in) == 75);
}

TEST_CASE("what is wrong with an event time is said", "[event_time]") {
  Events events;
  ls::Dataflow other;
  const auto plain = other.input<Event>("plain");
  CHECK_THROWS_WITH(other.input<Event>("in", {}, ls::event_time(&Event::at, -1)),
                    Contains("input 'in'") && Contains("negative"));
  ls::Runtime runtime(events.flow);
  ls::Runtime other_runtime(other);
  CHECK_THROWS_WITH(runtime.step().watermark(plain), Contains("'plain' does not belong"));
  CHECK_THROWS_WITH(other_runtime.step().watermark(plain), Contains("'plain' has no event time"));
  CHECK_THROWS_WITH(other_runtime[plain].set_idle(), Contains("'plain' has no event time"));
  const auto idle = [&](auto one) { one[events.in].set_idle(); };
  CHECK_THROWS_AS(runtime.transaction(idle), ls::UsageError);
  CHECK(ls::Step().watermark(events.in) == std::nullopt);
}

TEST_CASE("a function that throws when a row is dated throws from the push, and nothing is staged", "[event_time]") {
  ls::Dataflow flow;
  const auto date = [](Number row) { return row == 13 ? throw std::domain_error("not thirteen") : row; };
  const auto in = flow.input<Number>("in", {}, ls::event_time(date, 0));
  const auto out = in | ls::output("out");
  ls::Runtime runtime(flow);
  CHECK_THROWS_WITH(runtime[in].push(13), "not thirteen");
  CHECK_THROWS_WITH(runtime[in].push(std::vector<Number>{1, 13}), "not thirteen");
  runtime[in].push(2);
  CHECK(runtime.step()[out].size() == 1);
}

TEST_CASE("the extremes of time are told apart and do not overflow", "[event_time]") {
  constexpr Number kLast = std::numeric_limits<Number>::max();
  constexpr Number kFirst = std::numeric_limits<Number>::min();
  ls::Dataflow flow;
  const auto in = flow.input<Number>("in", {}, ls::event_time(ls::value, kLast).at_most(kLast, ls::value));
  const auto out = in | ls::output("out");
  ls::Runtime runtime(flow);
  for (const Number row : {kFirst, kFirst + 1, Number{0}, kLast, kFirst + 1, Number{-1}}) runtime[in].push(row);
  const ls::Step step = runtime.step();
  CHECK(step.watermark(in) == 0);
  CHECK(step[ls::ledger(in)].size() == 3);  // the first number, and what is late by the last
}
