#include <algorithm>
#include <catch2/catch.hpp>
#include <lockstep.hpp>
#include <map>
#include <random>
#include <thread>
#include <vector>

// Cursors of sessions, the cut of a step, and steps that take no more than so many rows.

namespace ls = lockstep;
using Number = std::int64_t;
using Pair = std::pair<Number, Number>;
using Cut = std::vector<ls::SessionCursor>;
using Catch::Matchers::Contains;

namespace {

/// Rows (session, number), which come out as they come in, and how many there are of each session.
struct Rows {
  ls::Dataflow flow;
  ls::Input<Pair> in = flow.input<Pair>("in");
  ls::Input<Pair> other = flow.input<Pair>("other");
  ls::Output<Pair> out = in | ls::plus(other) | ls::output("out");
  ls::KeyedOutput<Number, std::int64_t> counts =
      in | ls::plus(other) | ls::group_by(&Pair::first, ls::count()) | ls::output("counts", ls::accumulated);
};

}  // namespace

TEST_CASE("a cursor moves with the rows of a transaction, and is in the cut of their step", "[cut]") {
  Rows rows;
  ls::Runtime runtime(rows.flow);
  const auto first = runtime.open_session(7);
  const auto second = runtime.open_session(3);
  CHECK(first->cursor() == std::nullopt);
  first->transaction([&](auto one) {
    one[rows.in].push({7, 1});
    one.move_cursor(100);
  });
  second->move_cursor(5);
  CHECK(first->cursor() == 100);
  const ls::Step step = runtime.step();
  CHECK(step.cut() == Cut{{3, 5}, {7, 100}});
  CHECK(step[rows.out].size() == 1);
  runtime[rows.in].push({0, 1});
  CHECK(runtime.step().cut().empty());
  CHECK(step.cut() == Cut{{3, 5}, {7, 100}});
}

TEST_CASE("a cursor does not move back, and nothing is staged of a transaction that would", "[cut]") {
  Rows rows;
  ls::Runtime runtime(rows.flow);
  const auto session = runtime.open_session(7);
  session->move_cursor(5);
  session->move_cursor(5);
  CHECK_THROWS_WITH(session->move_cursor(4), Contains("session 7 moves back, from 5 to 4"));
  const auto back = [&](auto one) {
    one[rows.in].push({7, 1});
    one.move_cursor(4);
  };
  CHECK_THROWS_AS(session->transaction(back), ls::UsageError);
  const ls::Step step = runtime.step();
  CHECK(step[rows.out].empty());
  CHECK(step.cut() == Cut{{7, 5}});
}

TEST_CASE("a cursor that moves without rows makes a step of a started runtime", "[cut]") {
  Rows rows;
  ls::Runtime runtime(rows.flow);
  const auto session = runtime.open_session(7);
  runtime.start({.rows = 1'000'000, .every = std::chrono::milliseconds(1)});
  CHECK(runtime.wait(session->move_cursor(9)) == 1);
  CHECK(runtime.latest().cut() == Cut{{7, 9}});
  CHECK(runtime.metrics().rows == 0);
  const ls::Ticket ticket = session->transaction([](auto one) { one.move_cursor(10); });
  CHECK(runtime.wait(ticket) == 2);
  runtime.stop();
  CHECK(runtime.latest().cut() == Cut{{7, 10}});
}

TEST_CASE("a session that is let go of takes its cursor along", "[cut]") {
  Rows rows;
  ls::Runtime runtime(rows.flow, {.step_rows = 2});
  auto session = runtime.open_session(7);
  for (Number n = 0; n < 5; ++n) (*session)[rows.in].push({7, n});
  session->move_cursor(5);
  session = nullptr;
  session = runtime.open_session(7);
  CHECK(session->cursor() == std::nullopt);
  CHECK(session->position(rows.in) == 0);
  (*session)[rows.in].push({7, 5});
  std::size_t sizes[4] = {};
  for (std::size_t& size : sizes) {
    const ls::Step step = runtime.step();
    CHECK(step.cut().empty());
    size = step[rows.out].size();
  }
  CHECK(std::vector<std::size_t>(sizes, sizes + 4) == std::vector<std::size_t>{2, 2, 2, 0});
  session->move_cursor(1);
  const ls::Runtime later(rows.flow, {}, runtime.save());
  CHECK(runtime.step().cut() == Cut{{7, 1}});
}

TEST_CASE("where steps have a limit, a backlog becomes many steps, each with its cut, and tickets tell them", "[cut]") {
  const auto seed = static_cast<unsigned>(GENERATE(range(1, 40)));
  std::mt19937 random(seed);
  const auto below = [&](unsigned end) { return static_cast<unsigned>(random() % end); };
  Rows rows;
  std::optional<ls::Runtime> runtime;
  std::size_t limit = 0;
  const auto options = [&] {
    limit = below(8) == 0 ? 0 : 50;
    return ls::RuntimeOptions{.workers = 1 + below(3), .step_rows = limit};
  };
  runtime.emplace(rows.flow, options());
  std::map<Number, std::shared_ptr<ls::Session>> sessions;
  const auto open_sessions = [&] {
    for (const Number number : {1, 2, 3}) sessions[number] = runtime->open_session(static_cast<std::uint64_t>(number));
  };
  open_sessions();
  std::map<Number, Number> pushed;                              // by session
  std::map<Number, Number> stepped;                             // likewise
  std::map<std::pair<Number, Number>, std::uint64_t> promised;  // the steps of rows, by tickets
  std::size_t largest = 0;                                      // piece
  const auto step = [&] {
    const ls::Step made = runtime->step();
    for (const auto& [session, cursor] : made.cut()) {
      stepped[static_cast<Number>(session)] = static_cast<Number>(cursor);
    }
    if (limit != 0) CHECK(made[rows.out].size() < limit + largest);
    for (const auto& [row, weight] : made[rows.out]) {
      const auto promise = promised.find(row);
      if (promise != promised.end()) CHECK(promise->second == made.number());
    }
    const ls::Snapshot now = runtime->snapshot();
    for (const auto& [number, cursor] : stepped) CHECK(now[rows.counts].find(number).value_or(0) == cursor);
    return made[rows.out].size();
  };
  for (int action = 0; action < 200; ++action) {
    const Number number = 1 + static_cast<Number>(below(3));
    Number& next = pushed[number];
    if (below(10) == 0) {
      step();
    } else if (below(60) == 0) {
      const ls::SavedState saved = runtime->save();
      sessions.clear();
      runtime.emplace(rows.flow, options(), saved);
      promised.clear();
      open_sessions();
      // What was staged and not stepped is pushed again.
      for (auto& [session, count] : pushed) {
        count = static_cast<Number>(sessions[session]->cursor().value_or(0));
        CHECK(count == stepped[session]);
        CHECK(sessions[session]->position(rows.in) + sessions[session]->position(rows.other) ==
              static_cast<std::uint64_t>(count));
      }
    } else {
      const auto count = static_cast<std::size_t>(below(below(8) == 0 ? 200 : 4));
      largest = std::max(largest, count);
      const Number begin = next;
      const ls::Ticket ticket = sessions[number]->transaction([&](auto one) {
        for (std::size_t i = 0; i < count; ++i, ++next) one[below(2) == 0 ? rows.in : rows.other].push({number, next});
        one.move_cursor(static_cast<std::uint64_t>(next));
      });
      for (Number n = begin; n < next; ++n) promised[{number, n}] = ticket.step;
    }
  }
  while (step() != 0) {
  }
  CHECK(stepped == pushed);
}

TEST_CASE("a range is cut for steps with a limit of rows, or of bytes", "[cut]") {
  const auto sizes = [](const ls::RuntimeOptions& options) {
    ls::Dataflow flow;
    const auto in = flow.input<std::string>("in");
    const auto out = in | ls::output("out");
    ls::Runtime runtime(flow, options);
    runtime[in].push(std::vector<std::string>(100, std::string(100, 'x')));
    std::vector<ls::Weight> weights;
    for (int i = 0; i < 3; ++i) {
      const ls::Step step = runtime.step();
      weights.push_back(step[out].empty() ? 0 : step[out].begin()->weight);
    }
    return weights;
  };
  using Weights = std::vector<ls::Weight>;
  CHECK(sizes({}) == Weights{100, 0, 0});
  CHECK(sizes({.step_rows = 60}) == Weights{60, 40, 0});
  constexpr std::size_t kRow = sizeof(ls::Weighted<std::string>) + 112;
  CHECK(sizes({.step_bytes = 70 * kRow}) == Weights{70, 30, 0});
  CHECK(sizes({.step_rows = 60, .step_bytes = 50 * kRow}) == Weights{50, 50, 0});
}

TEST_CASE("whoever pushes while steps with a limit are made, each row is in the step of its ticket", "[cut]") {
  constexpr Number kRows = 20'000;
  Rows rows;
  ls::Runtime runtime(rows.flow, {.workers = 2, .stage_bytes = 1000 * sizeof(ls::Weighted<Pair>), .step_rows = 100});
  ls::Subscription steps = runtime.subscribe(4);
  runtime.start({.rows = 64});
  std::vector<std::vector<std::uint64_t>> tickets(3);
  std::vector<std::thread> threads;
  for (Number number = 0; number < 3; ++number) {
    threads.emplace_back([&, number] {
      const auto session = runtime.open_session(static_cast<std::uint64_t>(number) + 1);
      for (Number n = 0; n < kRows; ++n) {
        tickets[static_cast<std::size_t>(number)].push_back((*session)[rows.in].push({number, n}).step);
      }
      runtime.wait(session->move_cursor(static_cast<std::uint64_t>(kRows)));
    });
  }
  std::vector<std::vector<std::uint64_t>> seen(3, std::vector<std::uint64_t>(kRows));
  std::size_t largest = 0;
  std::map<std::uint64_t, std::uint64_t> cursors;
  while (cursors.size() < 3) {
    const std::optional<ls::Step> step = steps.next();
    REQUIRE(step);
    largest = std::max(largest, (*step)[rows.out].size());
    for (const auto& [row, weight] : (*step)[rows.out]) {
      seen[static_cast<std::size_t>(row.first)][static_cast<std::size_t>(row.second)] = step->number();
    }
    for (const auto& [session, cursor] : step->cut()) cursors[session] = cursor;
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(seen == tickets);
  CHECK(largest <= 103);
  CHECK(cursors == std::map<std::uint64_t, std::uint64_t>{{1, kRows}, {2, kRows}, {3, kRows}});
}

TEST_CASE("a cursor's mark goes with it, through transactions and into what is saved", "[cut]") {
  ls::Dataflow flow;
  const auto in = flow.input<Number>("in");
  ls::Runtime runtime(flow);
  const auto marked = runtime.open_named_session("marked");
  const auto plain = runtime.open_named_session("plain");
  CHECK(marked->mark() == 0);
  marked->move_cursor(3, 7);
  marked->transaction([&](auto one) {
    one[in].push(1);
    one.move_cursor(5, 0xffff'ffff'ffff'ffff);
  });
  plain->move_cursor(4, 9);
  plain->move_cursor(4);
  runtime.step();
  const ls::SavedState saved = runtime.save();
  marked->move_cursor(6, 8);
  CHECK(marked->mark() == 8);
  ls::Runtime restored(flow, {}, saved);
  const auto again = restored.open_named_session("marked");
  CHECK(again->mark() == 0xffff'ffff'ffff'ffff);
  CHECK(again->cursor() == 5);
  CHECK(restored.open_named_session("plain")->mark() == 0);
}

TEST_CASE("a session with a name is found by it after a restart, whatever number it has", "[cut]") {
  ls::Dataflow flow;
  const auto in = flow.input<Number>("in");
  const auto saved = [&] {
    ls::Runtime runtime(flow);
    const auto first = runtime.open_named_session("orders[3]");
    const auto second = runtime.open_named_session("orders[7]");
    CHECK(first->number() == 1);
    CHECK(second->number() == 2);
    CHECK(second->name() == "orders[7]");
    CHECK_THROWS_WITH(runtime.open_named_session("orders[7]"), "session 'orders[7]' is open already");
    CHECK_THROWS_AS(runtime.open_named_session(""), ls::UsageError);
    first->move_cursor(10);
    second->move_cursor(20);
    (*second)[in].push(1);
    runtime.step();
    return runtime.save();
  }();
  ls::Runtime runtime(flow, {}, saved);
  const auto sessions = runtime.sessions();
  REQUIRE(sessions.size() == 3);
  CHECK(sessions[1].name == "orders[3]");
  CHECK(sessions[1].cursor == ls::Cursor{10});
  CHECK_FALSE(sessions[1].is_open);
  const auto third = runtime.open_named_session("orders[5]");
  const auto unnamed = runtime.open_session();
  const auto second = runtime.open_named_session("orders[7]");
  CHECK(third->number() == 3);
  CHECK(unnamed->number() == 4);
  CHECK(second->number() == 2);
  CHECK(second->cursor() == 20);
  CHECK(second->position(in) == 1);
  CHECK(third->cursor() == std::nullopt);
}
