#include <catch2/catch.hpp>
#include <lockstep.hpp>
#include <stdexcept>

#include "tests/delta_text.hpp"

// What is done to the keys of a table, one by one and all at once.

namespace ls = lockstep;
using Number = std::int64_t;
using Pair = std::pair<Number, Number>;

TEST_CASE("a table refuses inserts of present keys and erasures of absent ones", "[runtime]") {
  ls::Dataflow flow;
  const auto table = flow.table<Pair>("table", &Pair::first);
  const auto out = table | ls::output("out");
  ls::Runtime runtime(flow, {.workers = GENERATE(1U, 3U)});
  auto port = runtime[table];
  port.erase(1);
  port.insert({1, 10});
  port.insert({1, 11});
  port.upsert({1, 10});
  port.reject({.reason = "malformed", .event_time = {}, .row = "?", .weight = 1});
  auto step = runtime.step();
  CHECK(text(step[out]) == "(1, (1, 10)) +1");
  CHECK(text(step[ledger(table)]) ==
        "{reason: \"erase of a key that is absent\", session: 0, position: 0, event_time: none, row: \"1\", weight: "
        "-1} +1, "
        "{reason: \"insert of a key that is present\", session: 0, position: 2, event_time: none, row: \"(1, 11)\", "
        "weight: 1} +1, "
        "{reason: \"malformed\", session: 0, position: 4, event_time: none, row: \"?\", weight: 1} +1");
  port.upsert({1, 10});
  step = runtime.step();
  CHECK(step[out].empty());
  runtime.transaction([&](auto transaction) { transaction[table].erase(2); });
  step = runtime.step();
  REQUIRE(step[ledger(table)].size() == 1);
  CHECK(step[ledger(table)].begin()->row.position == 6);
}

TEST_CASE("what may be absent is erased if it is there, and is not refused if not", "[runtime]") {
  ls::Dataflow flow;
  const auto table = flow.table<Pair>("table", &Pair::first, {}, ls::event_time(&Pair::second, 5));
  const auto out = table | ls::output("out", ls::accumulated);
  ls::Runtime runtime(flow, {.workers = GENERATE(1U, 3U)});
  auto port = runtime[table];
  for (Number i = 0; i < 4; ++i) port.upsert({i, 10 + i});
  for (Number i = 2; i < 6; ++i) port.erase_if_present(i);
  for (Number i = 2; i < 4; ++i) port.erase_if_present(i);
  ls::Step step = runtime.step();
  CHECK(text(runtime.snapshot()[out]) == "(0, (0, 10)) +1, (1, (1, 11)) +1");
  CHECK(step[ls::ledger(table)].size() == 0);
  port.upsert({7, 30});  // what is dated before 25 is late from here on
  port.erase_if_present(1);
  port.erase_if_present(3);
  step = runtime.step();
  CHECK(text(runtime.snapshot()[out]) == "(0, (0, 10)) +1, (1, (1, 11)) +1, (7, (7, 30)) +1");
  CHECK(step[ls::ledger(table)].size() == 1);
}

TEST_CASE("a table may be keyed by its whole row", "[runtime]") {
  ls::Dataflow flow;
  auto table = flow.table<Pair>("table", ls::value);
  auto out = table | ls::output("out");
  ls::Runtime runtime(flow, {.workers = GENERATE(1U, 3U)});
  runtime[table].insert({1, 2});
  runtime[table].upsert({1, 2});
  runtime[table].insert({1, 3});
  CHECK(text(runtime.step()[out]) == "((1, 2), (1, 2)) +1, ((1, 3), (1, 3)) +1");
  runtime[table].erase({1, 2});
  CHECK(text(runtime.step()[out]) == "((1, 2), (1, 2)) -1");
}

TEST_CASE("what a table's key function throws, the push throws, and nothing is staged", "[runtime]") {
  ls::Dataflow flow;
  auto table = flow.table<Pair>("table", [](const Pair& row) {
    if (row.first < 0) throw std::runtime_error("a negative key");
    return row.first;
  });
  auto out = table | ls::output("out");
  ls::Runtime runtime(flow);
  CHECK_THROWS_WITH(runtime[table].insert({-1, 0}), "a negative key");
  CHECK_THROWS_WITH(runtime[table].upsert({-1, 0}), "a negative key");
  runtime[table].insert({1, 0});
  CHECK(text(runtime.step()[out]) == "(1, (1, 0)) +1");
}

TEST_CASE("a table is cleared of what is there then, and of nothing that comes after", "[runtime]") {
  ls::Dataflow flow;
  const auto table = flow.table<Pair>("table", &Pair::first);
  const auto out = table | ls::output("out");
  ls::Runtime runtime(flow, {.workers = GENERATE(1U, 3U), .step_rows = 10});
  auto port = runtime[table];
  for (Number i = 0; i < 8; ++i) port.upsert({i, i});
  runtime.step();
  const auto session = runtime.open_session(2);
  port.upsert({8, 8});
  session->transaction([&](auto one) {
    one[table].upsert({9, 9});
    one[table].clear();
    one[table].insert({3, 4});
    one[table].upsert({5, 5});
    one[table].clear();
    one[table].insert({3, 5});
  });
  const ls::Step step = runtime.step();
  CHECK(text(step[out]) ==
        "(0, (0, 0)) -1, (1, (1, 1)) -1, (2, (2, 2)) -1, (3, (3, 3)) -1, (3, (3, 5)) +1, (4, (4, 4)) -1, (5, (5, 5)) "
        "-1, (6, (6, 6)) -1, (7, (7, 7)) -1");
  CHECK(step[ls::ledger(table)].size() == 0);
  CHECK(session->position(table) == 2 * 1024 + 4);
  port.clear();
  port.clear();
  CHECK(text(runtime.step()[out]) == "(3, (3, 5)) -1");
  CHECK(runtime.step().number() == 4);
}

TEST_CASE("a table that is cleared keeps the rows that are dated before the watermark, and says so", "[event_time]") {
  ls::Dataflow flow;
  const auto table = flow.table<Pair>("table", &Pair::first, {}, ls::event_time(&Pair::second, 5));
  const auto out = table | ls::output("out", ls::accumulated);
  ls::Runtime runtime(flow);
  auto port = runtime[table];
  port.upsert({1, 10});
  port.upsert({2, 30});
  port.clear();
  const ls::Step step = runtime.step();
  CHECK(runtime.snapshot()[out].find(1)->second == 10);
  CHECK(runtime.snapshot()[out].size() == 1);
  const auto refused = step[ls::ledger(table)];
  REQUIRE(refused.size() == 1);
  CHECK((*refused.begin()).row.reason == "late: the watermark is 25, and the row of the key is dated before it");
}
