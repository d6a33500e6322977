#include <catch2/catch.hpp>

#include "tests/calling.hpp"
#include "tests/delta_text.hpp"

// Sessions, ports and handles: how long they last, of what they are, and what they cost.

namespace ls = lockstep;
using Catch::Matchers::Contains;

TEST_CASE("a session and its ports may outlive their runtime and their handles, and pushes say so", "[lifecycle]") {
  Calling calling;
  const auto session = calling.runtime->open_session();
  auto port = (*session)[ls::Input<Number>(calling.in)];  // the handle is gone
  port.push(1);
  CHECK(text(calling.runtime->step()[calling.out]) == "1 +1");
  port.push(2);  // goes with the runtime
  auto of_default = (*calling.runtime)[calling.in];
  calling.runtime.reset();
  const char* const gone = "the runtime is gone";
  CHECK_THROWS_WITH(port.push(3), Contains(gone));
  CHECK_THROWS_WITH(port.push(std::vector<Number>{}), Contains(gone));
  CHECK_THROWS_WITH(port.try_push(3), Contains(gone));
  CHECK_THROWS_WITH(of_default.push(3), Contains(gone));
  CHECK_THROWS_WITH((*session)[calling.in].reject({.reason = "late"}), Contains(gone));
  CHECK_THROWS_WITH(session->transaction([&](auto one) { one[calling.in].push(3); }), Contains(gone));
}

TEST_CASE("a transaction takes nothing when it is over", "[lifecycle]") {
  Calling calling;
  std::optional<ls::Input<Number>::Port> kept;
  calling.runtime->transaction([&](auto one) { kept = one[calling.in]; });
  CHECK_THROWS_WITH(kept->push(1), Contains("transaction is over"));
  CHECK_THROWS_WITH(kept->push(std::vector<Number>{1, 2}), Contains("transaction is over"));
  CHECK(calling.runtime->step()[calling.out].empty());
}

TEST_CASE("handles that were added later, or are of another dataflow, are refused", "[lifecycle]") {
  Calling calling;
  Calling other;
  (*calling.runtime)[calling.in].push(1);
  const auto step = calling.runtime->step();
  const auto snapshot = calling.runtime->snapshot();
  auto later_in = calling.flow.input<Number>("later in");
  auto later_out = calling.in | ls::output("later out", ls::accumulated);
  CHECK_THROWS_WITH((*calling.runtime)[later_in], Contains("later in"));
  CHECK_THROWS_WITH(step[later_out], Contains("later out") && Contains("after"));
  CHECK_THROWS_WITH(step[ledger(later_in)], Contains("after"));
  CHECK_THROWS_WITH(snapshot[later_out], Contains("later out"));
  CHECK_THROWS_WITH(calling.runtime->transaction([&](auto one) { one[later_in].push(1); }), Contains("later in"));
  CHECK_THROWS_AS((*calling.runtime)[other.in], ls::UsageError);
  CHECK_THROWS_AS(step[other.out], ls::UsageError);
  CHECK_THROWS_AS(snapshot[other.out], ls::UsageError);
  CHECK_THROWS_AS(ls::Step()[calling.out], ls::UsageError);
  ls::Runtime newer(calling.flow);
  newer[later_in].push(2);
  newer[calling.in].push(3);
  CHECK(text(newer.step()[later_out]) == "3 +1");
}

TEST_CASE("a session ends when it is let go of: what it staged is stepped, and its number is free", "[lifecycle]") {
  Calling calling;
  auto session = calling.runtime->open_session(5);
  auto port = (*session)[calling.in];
  session.reset();
  CHECK_THROWS_AS(calling.runtime->open_session(5), ls::UsageError);  // its port holds it
  port.push(1);
  port = (*calling.runtime)[calling.in];
  auto again = calling.runtime->open_session(5);  // though the row is not sealed yet
  (*again)[calling.in].push(2, ls::kMaxPushedWeight + 1);
  auto step = calling.runtime->step();
  CHECK(text(step[calling.out]) == "1 +1");
  CHECK(step[ledger(calling.in)].begin()->row.position == 0);
  again.reset();
  again = calling.runtime->open_session(5);
  (*again)[calling.in].push(2, ls::kMaxPushedWeight + 1);
  step = calling.runtime->step();
  CHECK(step[ledger(calling.in)].begin()->row.position == 0);  // of a new session
}

TEST_CASE("sessions that have ended cost nothing, and those that push nothing cost a step nothing", "[lifecycle]") {
  Calling calling;
  calling.runtime->step();
  const std::size_t before = calling.runtime->save().bytes().size();
  for (int i = 0; i < 10'000; ++i) {
    const auto session = calling.runtime->open_session();
    CHECK(session->number() == 1);
    (*session)[calling.in].push(i % 2, i % 4 < 2 ? 1 : -1);
    if (i % 2 == 0) calling.runtime->step();
  }
  calling.runtime->step();
  CHECK(calling.runtime->save().bytes().size() < before + 16);

  const auto fastest_step = [&] {
    auto fastest = std::chrono::nanoseconds::max();
    for (int i = 0; i < 200; ++i) {
      (*calling.runtime)[calling.in].push(1, i % 2 == 0 ? 1 : -1);
      const auto begin = std::chrono::steady_clock::now();
      calling.runtime->step();
      fastest = std::min<std::chrono::nanoseconds>(fastest, std::chrono::steady_clock::now() - begin);
    }
    return fastest;
  };
  const auto alone = fastest_step();
  std::vector<std::shared_ptr<ls::Session>> idle;
  for (int i = 0; i < 5000; ++i) idle.push_back(calling.runtime->open_session());
  CHECK(fastest_step() < 3 * alone);  // a visit to each would take a hundred times as long
}

TEST_CASE("sessions come, push and go while a clock steps, and no row is lost", "[lifecycle]") {
  Calling calling({.workers = 2});
  calling.runtime->start({.rows = 10, .every = 100us});
  constexpr Number kThreads = 4;
  constexpr Number kSessions = 2000;
  std::vector<std::thread> threads;
  for (Number thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (Number i = 0; i < kSessions; ++i) {
        // By number, which another thread may hold for a moment, or in the order of opening.
        const auto session = [&] {
          for (;;) {
            try {
              return i % 2 == 0 ? calling.runtime->open_session() : calling.runtime->open_session(1000 + i % 3);
            } catch (const ls::UsageError&) {
              std::this_thread::yield();
            }
          }
        }();
        (*session)[calling.in].push(thread);
        if (i % 3 == 0) session->transaction([&](auto one) { one[calling.in].push(thread, 2); });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  calling.runtime->stop();
  const Number each = kSessions + 2 * ((kSessions + 2) / 3);
  CHECK(text(calling.runtime->snapshot()[calling.out]) == fmt::format("0 +{0}, 1 +{0}, 2 +{0}, 3 +{0}", each));
}

TEST_CASE("a range may push into the session that it is pushed by", "[lifecycle]") {
  Calling calling;
  auto port = (*calling.runtime)[calling.in];
  struct Pushing {
    Number number;
    ls::Input<Number>::Port* port;
    operator Number() const {
      port->push(100 + number);
      return number;
    }
  };
  const std::vector<Pushing> rows{{1, &port}, {2, &port}};
  ends([&] { port.push(rows); });
  CHECK(text(calling.runtime->step()[calling.out]) == "1 +1, 2 +1, 101 +1, 102 +1");
}

TEST_CASE("positions count on, however rows are pushed", "[lifecycle]") {
  Calling calling;
  const ls::Weight refused = ls::kMaxPushedWeight + 1;
  const auto session = calling.runtime->open_session(3);
  auto port = (*session)[calling.in];
  port.push(1);
  port.push(std::vector<ls::Weighted<Number>>{{2, 1}, {3, refused}, {4, 1}});
  session->transaction([&](auto one) {
    one[calling.in].push(5, refused);
    one[calling.in].push(std::vector<ls::Weighted<Number>>{{6, 1}, {7, refused}});
  });
  port.push(std::vector<Number>(1000, 8));
  port.push(9, refused);
  const auto step = calling.runtime->step();
  std::string places;
  for (const auto& [row, weight] : step[ledger(calling.in)].sorted()) {
    places += fmt::format("{} of {} at {}, ", row.row, row.session, row.position);
  }
  CHECK(places == "3 of 3 at 2, 5 of 3 at 4, 7 of 3 at 6, 9 of 3 at 1007, ");
}
