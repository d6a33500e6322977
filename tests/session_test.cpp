#include <catch2/catch.hpp>
#include <lockstep.hpp>
#include <optional>
#include <thread>

#include "tests/delta_text.hpp"

namespace ls = lockstep;
using Number = std::int64_t;
using Pair = std::pair<Number, Number>;
using Catch::Matchers::Contains;

namespace {

/// Two inputs, a table, and all that comes out of them.
struct Edges {
  explicit Edges(const ls::RuntimeOptions& options = {}) : runtime(flow, options) {}

  ls::Dataflow flow;
  ls::Input<Number> a = flow.input<Number>("a");
  ls::Input<Number> b = flow.input<Number>("b", {.append_only = true});
  decltype(flow.table<Pair>("table", &Pair::first)) table = flow.table<Pair>("table", &Pair::first);
  ls::Output<Number> out_a = a | ls::output("out a");
  ls::Output<Number> out_b = b | ls::output("out b");
  ls::Output<std::pair<Number, Pair>> out_table = table | ls::output("out table");
  ls::Runtime runtime;
};

}  // namespace

TEST_CASE("sessions are numbered by the caller or in order of opening", "[runtime]") {
  Edges edges;
  const auto first = edges.runtime.open_session();
  const auto third = edges.runtime.open_session(3);
  const auto second = edges.runtime.open_session();
  CHECK(first->number() == 1);
  CHECK(third->number() == 3);
  CHECK(second->number() == 2);
  CHECK(edges.runtime.open_session()->number() == 4);
  CHECK_THROWS_AS(edges.runtime.open_session(3), ls::UsageError);
  CHECK_THROWS_WITH(edges.runtime.open_session(0), Contains("session 0"));
}

TEST_CASE("sessions that meet on a key of a table apply in the order of their numbers", "[runtime]") {
  Edges edges({.workers = GENERATE(1U, 3U)});
  const auto second = edges.runtime.open_session(2);
  const auto first = edges.runtime.open_session(1);
  (*second)[edges.table].upsert({7, 2});
  (*first)[edges.table].upsert({7, 1});
  edges.runtime[edges.table].insert({7, 0});
  CHECK(text(edges.runtime.step()[edges.out_table]) == "(7, (7, 2)) +1");
  (*first)[edges.table].erase(7);
  (*second)[edges.table].insert({7, 3});
  CHECK(text(edges.runtime.step()[edges.out_table]) == "(7, (7, 2)) -1, (7, (7, 3)) +1");
}

TEST_CASE("changes of a key apply in the order of their pushes, however large the step", "[runtime]") {
  Edges edges({.workers = 3, .threads = GENERATE(1U, 3U), .small_step_rows = 0, .piece_rows = 1});
  for (Number step = 0; step < 20; ++step) {
    for (Number i = 0; i < 1000; ++i) edges.runtime[edges.table].upsert({i % 10, 1000 * step + i});
    const auto rows = edges.runtime.step();
    for (const auto& [row, weight] : rows[edges.out_table]) {
      REQUIRE(row.second.second == 1000 * (weight > 0 ? step : step - 1) + 990 + row.first);
    }
  }
}

TEST_CASE("a push takes a row, weighted rows, a span or a vector", "[runtime]") {
  Edges edges;
  auto port = edges.runtime[edges.a];
  port.push(1);
  port.push(2, -3);
  port.push(std::vector<Number>{3, 4});
  port.push(std::vector<ls::Weighted<Number>>{{5, 2}});
  const std::array<Number, 2> some{6, 7};
  port.push(std::span(some));
  port.push(std::vector<Number>{});
  CHECK(text(edges.runtime.step()[edges.out_a]) == "1 +1, 2 -3, 3 +1, 4 +1, 5 +2, 6 +1, 7 +1");
}

namespace {

/// What is pushed as a weighted row. The fifth cannot be.
struct Breakable {
  Number row;
  ls::Weight weight;
  operator ls::Weighted<Number>() const {
    if (row == 5) throw std::runtime_error("five");
    return {row, weight};
  }
};

}  // namespace

TEST_CASE("a push takes what converts to a weighted row", "[runtime]") {
  struct Sale {
    Number article;
    Number pieces;
    operator ls::Weighted<Number>() const { return {article, -pieces}; }
  };
  Edges edges;
  edges.runtime[edges.a].push(std::vector<Sale>{{1, 2}, {3, 4}});
  CHECK(text(edges.runtime.step()[edges.out_a]) == "1 -2, 3 -4");
}

TEST_CASE("of a range that throws on the way nothing is staged", "[runtime]") {
  Edges edges;
  std::vector<Breakable> broken;
  for (Number n = 0; n < 10; ++n) broken.push_back({n, n == 3 ? ls::kMaxPushedWeight + 1 : 1});
  CHECK_THROWS_WITH(edges.runtime[edges.a].push(broken), "five");
  edges.runtime[edges.a].push(42, ls::kMaxPushedWeight + 1);
  edges.runtime[edges.a].push(43);
  const auto step = edges.runtime.step();
  CHECK(text(step[edges.out_a]) == "43 +1");
  REQUIRE(step[ledger(edges.a)].size() == 1);
  CHECK(step[ledger(edges.a)].begin()->row.position == 0);
}

TEST_CASE("a transaction puts rows for several inputs into one step", "[runtime]") {
  Edges edges;
  const auto ticket = edges.runtime.transaction([&](auto transaction) {
    transaction[edges.a].push(1);
    transaction[edges.b].push(std::vector<Number>{2, 3});
    transaction[edges.table].insert({4, 5});
  });
  CHECK(ticket.step == 1);
  const auto step = edges.runtime.step();
  CHECK(text(step[edges.out_a]) == "1 +1");
  CHECK(text(step[edges.out_b]) == "2 +1, 3 +1");
  CHECK(text(step[edges.out_table]) == "(4, (4, 5)) +1");
}

TEST_CASE("if a transaction's function throws, nothing is staged", "[runtime]") {
  Edges edges;
  const auto broken = [&](auto transaction) {
    transaction[edges.a].push(1);
    transaction[edges.b].push(2, -1);
    throw std::runtime_error("no");
  };
  CHECK_THROWS_WITH(edges.runtime.transaction(broken), "no");
  const auto step = edges.runtime.step();
  CHECK(step[edges.out_a].empty());
  CHECK(step[ledger(edges.b)].empty());
}

TEST_CASE("what is kept of a transaction takes nothing when it is over", "[runtime]") {
  Edges edges;
  std::optional<ls::Transaction> kept;
  edges.runtime.transaction([&](const ls::Transaction& transaction) {
    transaction[edges.a].push(1);
    kept.emplace(transaction);
  });
  CHECK_THROWS_WITH((*kept)[edges.a].push(2), Catch::Matchers::Contains("the transaction is over"));
  CHECK(text(edges.runtime.step()[edges.out_a]) == "1 +1");
}

TEST_CASE("a session that is opened again begins at position 0, sealed or not", "[runtime]") {
  const bool sealed = GENERATE(false, true);
  Edges edges;
  auto first = edges.runtime.open_session(5);
  (*first)[edges.a].push(1);
  (*first)[edges.a].push(2);
  first.reset();
  if (sealed) edges.runtime.step();
  auto again = edges.runtime.open_session(5);
  (*again)[edges.a].push(3, ls::kMaxPushedWeight + 1);
  const auto step = edges.runtime.step();
  REQUIRE(step[ledger(edges.a)].size() == 1);
  CHECK((*step[ledger(edges.a)].begin()).row.position == 0);
}

TEST_CASE("positions of sessions that nobody opens go on from save to save, those of ended ones do not", "[runtime]") {
  Edges edges;
  const auto stays = edges.runtime.open_session(5);
  (*stays)[edges.a].push(1);
  edges.runtime.step();
  {
    const auto ends = edges.runtime.open_session(6);
    (*ends)[edges.a].push(2);
    (*ends)[edges.a].push(3);
  }
  ls::Runtime once(edges.flow, {}, edges.runtime.save());
  ls::Runtime twice(edges.flow, {}, once.save());
  const auto position = [&](std::uint64_t session) {
    (*twice.open_session(session))[edges.a].push(4, ls::kMaxPushedWeight + 1);
    const auto step = twice.step();
    return (*step[ledger(edges.a)].begin()).row.position;
  };
  CHECK(position(5) == 1);
  CHECK(position(6) == 0);
}

TEST_CASE("a transaction larger than the stage throws", "[runtime]") {
  Edges edges({.stage_bytes = 3 * sizeof(ls::Weighted<std::int64_t>)});
  const auto of = [&](Number rows) {
    return [&edges, rows](auto transaction) {
      for (Number i = 0; i < rows; ++i) transaction[edges.a].push(i);
    };
  };
  CHECK_THROWS_WITH(edges.runtime.transaction(of(4)), Contains("64 bytes"));
  CHECK_NOTHROW(edges.runtime.transaction(of(3)));
  CHECK(edges.runtime.step()[edges.out_a].size() == 3);
}

TEST_CASE("a ticket is of the step that the row will be in", "[runtime]") {
  Edges edges;
  const auto first = edges.runtime[edges.a].push(1);
  CHECK(first.step == 1);
  CHECK_THROWS_AS(edges.runtime.wait(first), ls::UsageError);
  edges.runtime.step();
  CHECK(edges.runtime.wait(first) == 1);
  edges.runtime.step();
  const auto third = edges.runtime[edges.a].push(1);
  CHECK(third.step == 3);
  CHECK(edges.runtime.step().number() == 3);
  CHECK(edges.runtime.wait(third) == 3);
}

TEST_CASE("by hand, a full stage throws, and try_push says no", "[runtime]") {
  Edges edges({.stage_bytes = 2 * sizeof(ls::Weighted<std::int64_t>)});
  auto port = edges.runtime[edges.a];
  CHECK(port.try_push(1));
  port.push(2);
  CHECK_FALSE(port.try_push(3));
  CHECK_THROWS_WITH(port.push(3), Contains("full"));
  CHECK_THROWS_AS(edges.runtime[edges.b].push(3), ls::UsageError);
  CHECK_THROWS_WITH((*edges.runtime.open_session())[edges.a].push(9), Contains("full"));
  CHECK(text(edges.runtime.step()[edges.out_a]) == "1 +1, 2 +1");
  CHECK(port.try_push(3));
}

TEST_CASE("what rows hold on the heap counts in the stage, and a session that ends gives back what it had",
          "[runtime]") {
  ls::Dataflow flow;
  const auto in = flow.input<std::string>("in");
  ls::Runtime runtime(flow, {.stage_bytes = 1000});
  auto session = runtime.open_session();
  auto port = (*session)[in];
  int pushed = 0;
  for (; port.try_push(std::string(100, 'x')); ++pushed) {
  }
  CHECK(pushed == 7);  // the last one goes beyond it
  runtime.step();
  CHECK(port.try_push(std::string(900, 'x')));
  session = nullptr;
  port = runtime[in];
  CHECK(port.try_push("y"));
  CHECK(port.try_push("z"));
  CHECK_FALSE(port.try_push("z"));
  runtime.step();
  CHECK(port.try_push(std::string(2000, 'x')));
  CHECK_FALSE(port.try_push("z"));
}

TEST_CASE("try_push of a range takes as many rows as there is room for", "[runtime]") {
  Edges edges({.stage_bytes = 5 * sizeof(ls::Weighted<std::int64_t>)});
  auto port = edges.runtime[edges.a];
  const std::vector<Number> rows{1, 2, 3};
  CHECK(port.try_push(std::vector<Number>()) == 0);
  CHECK(port.try_push(rows) == 3);
  CHECK(port.try_push(rows) == 2);
  CHECK(port.try_push(rows) == 0);
  CHECK(text(edges.runtime.step()[edges.out_a]) == "1 +2, 2 +2, 3 +1");
  CHECK(edges.runtime.position(edges.a) == 5);
  edges.runtime.start();
  std::vector<Number> many(1000);
  for (std::size_t done = 0; done < many.size();) {
    done += port.try_push(std::vector<Number>(many.begin() + static_cast<std::ptrdiff_t>(done), many.end()));
  }
  edges.runtime.stop();
  CHECK(edges.runtime.position(edges.a) == 1005);
  CHECK(edges.runtime.metrics().rows == 1005);
}

TEST_CASE("try_push of a range throws what push would when the runtime has failed, or is gone", "[runtime]") {
  const std::vector<Number> rows{1, 2, 3};
  auto edges = std::make_unique<Edges>();
  auto port = edges->runtime[edges->a];
  edges = nullptr;
  CHECK_THROWS_WITH(port.try_push(rows), Contains("gone"));
  ls::Dataflow flow;
  const auto in = flow.input<Number>("in");
  (void)(in | ls::map([](Number n) { return n == 2 ? throw std::runtime_error("two") : n; }) | ls::output("out"));
  ls::Runtime failing(flow);
  CHECK(failing[in].try_push(rows) == 3);
  CHECK_THROWS_AS(failing.step(), ls::StepFailed);
  CHECK_THROWS_AS(failing[in].try_push(rows), ls::StepFailed);
}

TEST_CASE("a transaction that there is no room for may be tried again, and is over when it is staged", "[runtime]") {
  Edges edges({.stage_bytes = 2 * sizeof(ls::Weighted<std::int64_t>)});
  const auto session = edges.runtime.open_session(7);
  const ls::Transaction transaction = session->begin_transaction();
  transaction[edges.a].push(1);
  transaction[edges.b].push(2);
  transaction.move_cursor(5);
  edges.runtime[edges.a].push(std::vector<Number>{3, 4});
  CHECK(session->try_commit(transaction) == std::nullopt);
  CHECK_THROWS_WITH(edges.runtime[edges.a].push(1), Contains("full"));
  edges.runtime.step();
  CHECK(session->try_commit(transaction)->step == 2);
  CHECK_THROWS_WITH(transaction[edges.a].push(1), Contains("over"));
  CHECK_THROWS_WITH(session->commit(transaction), Contains("over"));
  const ls::Step step = edges.runtime.step();
  CHECK(text(step[edges.out_a]) == "1 +1");
  CHECK(text(step[edges.out_b]) == "2 +1");
  CHECK(step.cut() == std::vector<ls::SessionCursor>{{7, 5}});
  CHECK(edges.runtime.open_session()->commit(session->begin_transaction()).step == 2);  // of nothing
}

TEST_CASE("the border refuses rows into the ledger, in the step that their push was sealed into", "[runtime]") {
  Edges edges({.workers = GENERATE(1U, 3U)});
  const auto session = edges.runtime.open_session(5);
  edges.runtime.step();
  auto port = (*session)[edges.a];
  port.push(1);
  port.push(2, (ls::Weight{1} << 31) + 1);
  port.push(3, ls::Weight{1} << 31);
  port.push(4, -(ls::Weight{1} << 31) - 1);
  port.reject({.reason = "malformed", .event_time = 77, .row = "line 9", .weight = 1});
  edges.runtime[edges.b].push(6, -1);
  const auto step = edges.runtime.step();
  CHECK(text(step[edges.out_a]) == "1 +1, 3 +2147483648");
  CHECK(text(step[ledger(edges.a)]) ==
        "{reason: \"malformed\", session: 5, position: 4, event_time: 77, row: \"line 9\", weight: 1} +1, "
        "{reason: \"the weight is beyond 2^31\", session: 5, position: 1, event_time: none, row: \"2\", weight: "
        "2147483649} +1, "
        "{reason: \"the weight is beyond 2^31\", session: 5, position: 3, event_time: none, row: \"4\", weight: "
        "-2147483649} +1");
  CHECK(text(step[ledger(edges.b)]) ==
        "{reason: \"a deletion in an append-only input\", session: 0, position: 0, event_time: none, row: \"6\", "
        "weight: -1} +1");
  port.push(5);
  CHECK(edges.runtime.step()[ledger(edges.a)].empty());
}

TEST_CASE("a transaction knows how much of the stage it takes", "[runtime]") {
  ls::Dataflow flow;
  const auto in = flow.input<std::string>("in");
  ls::Runtime runtime(flow);
  const auto session = runtime.open_session();
  const ls::Transaction transaction = session->begin_transaction();
  CHECK(transaction.bytes() == 0);
  transaction[in].push("short");
  const std::size_t one = transaction.bytes();
  CHECK(one >= sizeof(std::string));
  transaction[in].push(std::string(1'000, 'x'));
  CHECK(transaction.bytes() >= 2 * one + 1'000);
  session->commit(transaction);
}
