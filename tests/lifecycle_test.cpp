#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <cstdlib>
#include <future>
#include <lockstep.hpp>
#include <mutex>
#include <thread>

#include "tests/delta_text.hpp"

// What a push, a ticket, a waiter and a subscriber get when they meet a start, a stop, a full stage, a failure, the end
// of the runtime, or the inside of a step. docs/running.md tells the same in words.

namespace ls = lockstep;
using namespace std::chrono_literals;
using Number = std::int64_t;
using Catch::Matchers::Contains;

namespace {

const ls::StepPolicy kAtOnce{.rows = 1};
const ls::StepPolicy kNever{.rows = std::size_t{1} << 40, .every = 1h};

const ls::RuntimeOptions kOptions[] = {{},
                                       {.workers = 3, .threads = 1},
                                       {.workers = 3, .threads = 2, .small_step_rows = 0},
                                       {.workers = 3, .schedule_seed = 7}};

/// Runs a function that must not hang.
template <class Function>
void ends(Function function) {
  std::packaged_task<void()> task(std::move(function));
  auto done = task.get_future();
  std::thread thread(std::move(task));
  if (done.wait_for(60s) != std::future_status::ready) {
    std::fputs("a call hangs\n", stderr);
    std::abort();
  }
  thread.join();
  done.get();
}

/// Numbers pass through a function of the test's.
struct Calling {
  explicit Calling(const ls::RuntimeOptions& options = {}) { runtime = std::make_unique<ls::Runtime>(flow, options); }

  ls::Dataflow flow;
  std::function<void(Number)> call = [](Number) {};
  ls::Input<Number> in = flow.input<Number>("in");
  ls::Output<Number> out = in | ls::map([this](Number n) {
                             call(n);
                             return n;
                           }) |
                           ls::output("out", ls::accumulated);
  std::unique_ptr<ls::Runtime> runtime;
};

/// Holds a step up until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    news_.notify_all();
    news_.wait(lock, [this] { return open_; });
  }
  void await_somebody() {
    std::unique_lock lock(mutex_);
    news_.wait(lock, [this] { return waiting_ != 0; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    news_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable news_;
  bool open_ = false;
  int waiting_ = 0;
};

std::string failure_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the ticket of a push of nothing is reached already", "[lifecycle]") {
  Calling calling;
  auto port = (*calling.runtime)[calling.in];
  const auto push_nothing = [&] { return port.push(std::vector<Number>{}); };
  const auto transact_nothing = [&] { return calling.runtime->transaction([](auto) {}); };
  CHECK(calling.runtime->wait(push_nothing()) == 0);
  port.push(1);
  calling.runtime->step();
  port.push(2);  // staged, and not to be waited for
  CHECK(calling.runtime->wait(push_nothing()) == 1);
  CHECK(calling.runtime->wait(transact_nothing()) == 1);
  calling.runtime->start(kNever);
  ends([&] { CHECK(calling.runtime->wait(push_nothing()) == 1); });
  ends([&] { CHECK(calling.runtime->wait(transact_nothing()) == 1); });
}

TEST_CASE("a wait for a step that nothing begins is refused, and one that has begun is released by a stop",
          "[lifecycle]") {
  Calling calling;
  CHECK_THROWS_AS(calling.runtime->wait({7}), ls::UsageError);
  calling.runtime->start(kNever);
  (*calling.runtime)[calling.in].push(1);
  auto waits_for_its_row = std::async([&] { return calling.runtime->wait({1}); });
  auto waits_for_ever = std::async([&] { return calling.runtime->wait({7}); });
  std::this_thread::sleep_for(20ms);
  calling.runtime->stop();
  ends([&] { CHECK(waits_for_its_row.get() == 1); });
  ends([&] { CHECK_THROWS_AS(waits_for_ever.get(), ls::UsageError); });
}

TEST_CASE("a wait is released when the runtime goes", "[lifecycle]") {
  Calling calling;
  calling.runtime->start(kNever);
  auto waits = std::async([&runtime = *calling.runtime] { return runtime.wait({7}); });
  std::this_thread::sleep_for(20ms);
  calling.runtime.reset();
  ends([&] { CHECK_THROWS_AS(waits.get(), ls::UsageError); });
}

TEST_CASE("of pushes that meet a stop, those that return a ticket are in its step, and the others are refused",
          "[lifecycle]") {
  for (int round = 0; round < 40; ++round) {
    Calling calling({.workers = 2, .threads = 2, .stage_rows = 8});
    auto steps = calling.runtime->subscribe(1 << 20);
    calling.runtime->start({.rows = 4, .every = 1ms});
    constexpr int kPushers = 3;
    std::atomic<int> pushing = 0;
    std::vector<std::future<Number>> pushers;
    for (int pusher = 0; pusher < kPushers; ++pusher) {
      pushers.push_back(std::async(std::launch::async, [&, pusher] {
        const auto session = calling.runtime->open_session();
        auto port = (*session)[calling.in];
        ++pushing;
        Number accepted = 0;
        try {
          for (;;) {
            const Number rows = pusher == 0 ? 1 : 5;  // a stage is full again and again
            // Refused when stopping; when it came after the stop, the wait is.
            calling.runtime->wait(port.push(std::vector<Number>(static_cast<std::size_t>(rows), 1)));
            accepted += rows;
          }
        } catch (const ls::UsageError&) {
          return accepted;
        }
      }));
    }
    while (pushing < kPushers) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::microseconds(round * 50));
    calling.runtime->stop();
    Number stepped = 0;
    while (const auto step = steps.next()) {
      for (const auto& [row, weight] : (*step)[calling.out]) stepped += weight;
    }
    Number accepted = 0;
    for (auto& pusher : pushers) ends([&] { accepted += pusher.get(); });
    REQUIRE(stepped == accepted);
  }
}

TEST_CASE("a push that waits for room is refused when the runtime stops, or goes, and nothing of it is staged",
          "[lifecycle]") {
  const bool goes = GENERATE(false, true);
  Calling calling({.stage_rows = 2});
  Gate gate;
  calling.call = [&](Number) { gate.pass(); };
  calling.runtime->start(kAtOnce);
  (*calling.runtime)[calling.in].push(1);
  gate.await_somebody();  // the step runs, and takes no more rows
  (*calling.runtime)[calling.in].push(std::vector<Number>{2, 3});
  auto port = (*calling.runtime)[calling.in];
  auto pusher = std::async([port]() mutable { port.push(4); });
  std::this_thread::sleep_for(20ms);
  auto stopper = std::async([&] { goes ? calling.runtime.reset() : calling.runtime->stop(); });
  ends([&] { CHECK_THROWS_WITH(pusher.get(), Contains("stopping")); });
  gate.open();
  ends([&] { stopper.get(); });
  if (!goes) CHECK(text(calling.runtime->snapshot()[calling.out]) == "1 +1, 2 +1, 3 +1");
}

TEST_CASE("a full stage makes a started clock step, whatever the policy", "[lifecycle]") {
  Calling calling({.stage_rows = 4});
  calling.runtime->start(kNever);
  auto port = (*calling.runtime)[calling.in];
  ends([&] { CHECK(calling.runtime->wait(port.push(std::vector<Number>{1, 2, 3, 4})) == 1); });
  port.push(std::vector<Number>{5, 6});
  ends([&] { port.push(std::vector<Number>{7, 8, 9}); });  // needs the room of the two
  CHECK(calling.runtime->latest().number() == 2);
  port.push(10);
  ends([&] { calling.runtime->transaction([&](auto one) { one[calling.in].push(std::vector<Number>(4, 11)); }); });
  ends([&] {
    for (Number n = 0; n < 50; ++n) {
      while (!port.try_push(n)) std::this_thread::yield();
    }
  });
  calling.runtime->stop();
  CHECK(calling.runtime->metrics().rows == 64);
}

TEST_CASE("stop throws the failure that no other call has thrown, once", "[lifecycle]") {
  Calling calling({.workers = 2});
  calling.call = [](Number) { throw std::runtime_error("unlucky"); };
  calling.runtime->start(kAtOnce);
  SECTION("which nobody met") {
    (*calling.runtime)[calling.in].push(1);
    CHECK_THROWS_WITH(calling.runtime->stop(), Contains("unlucky"));
  }
  SECTION("which a wait has met") {
    const auto ticket = (*calling.runtime)[calling.in].push(1);
    CHECK_THROWS_AS(calling.runtime->wait(ticket), ls::StepFailed);
  }
  SECTION("which a subscription has met") {
    auto steps = calling.runtime->subscribe();
    (*calling.runtime)[calling.in].push(1);
    CHECK_THROWS_AS(steps.next(), ls::StepFailed);
  }
  CHECK_NOTHROW(calling.runtime->stop());
  CHECK_FALSE(calling.runtime->started());
  CHECK_THROWS_AS(calling.runtime->step(), ls::StepFailed);
  CHECK_NOTHROW(calling.runtime->stop());
}

TEST_CASE("a failure of a started runtime is handed to a callback, which may throw and must not wait", "[lifecycle]") {
  std::promise<std::string> told;
  std::string refused;
  Calling* running = nullptr;
  Calling calling({.on_failure = [&](const ls::StepFailed& failure) {
    refused = failure_of([&] { running->runtime->stop(); });
    told.set_value(failure.cause());
    throw std::runtime_error("nobody hears it");
  }});
  running = &calling;
  calling.call = [](Number) { throw std::runtime_error("unlucky"); };
  calling.runtime->start(kAtOnce);
  (*calling.runtime)[calling.in].push(1);
  CHECK(told.get_future().get() == "unlucky");
  CHECK_THAT(refused, Contains("stop()"));
  CHECK_THROWS_AS(calling.runtime->stop(), ls::StepFailed);
}

TEST_CASE("a failed start leaves a runtime that is stepped by hand", "[lifecycle]") {
  Calling calling;
  CHECK_THROWS_WITH(calling.runtime->start({.rows = 0}), Contains("0 rows"));
  CHECK_THROWS_WITH(calling.runtime->start({.rows = 1, .every = -1ns}), Contains("negative"));
  CHECK_FALSE(calling.runtime->started());
  CHECK(calling.runtime->step().number() == 1);
}

TEST_CASE("the longest time that a policy can name is as good as for ever", "[lifecycle]") {
  Calling calling;
  calling.runtime->start({.rows = 2, .every = std::chrono::nanoseconds::max()});
  (*calling.runtime)[calling.in].push(1);
  std::this_thread::sleep_for(10ms);
  CHECK(calling.runtime->latest().number() == 0);
  ends([&] { calling.runtime->wait((*calling.runtime)[calling.in].push(1)); });
}

TEST_CASE("subscriptions end with a stop, after their last step, and others may begin", "[lifecycle]") {
  const bool by_hand = GENERATE(false, true);
  Calling calling;
  auto port = (*calling.runtime)[calling.in];
  const auto step_once = [&] {
    if (!by_hand) calling.runtime->start(kAtOnce);
    const auto ticket = port.push(1);
    by_hand ? calling.runtime->step().number() : calling.runtime->wait(ticket);
    calling.runtime->stop();
  };
  auto steps = calling.runtime->subscribe();
  auto consumer = std::async([&] {
    int count = 0;
    while (steps.next()) ++count;
    return count;
  });
  step_once();
  ends([&] { CHECK(consumer.get() == 1); });
  auto more = calling.runtime->subscribe();
  step_once();
  ends([&] {
    CHECK(more.next()->number() == 2);
    CHECK_FALSE(more.next());
    CHECK_FALSE(steps.next());
  });
}

TEST_CASE("a stop does not wait for a subscriber who does not read", "[lifecycle]") {
  Calling calling;
  auto steps = calling.runtime->subscribe(1);
  calling.runtime->start(kAtOnce);
  for (Number n = 0; n < 10; ++n) (*calling.runtime)[calling.in].push(n);
  ends([&] { calling.runtime->stop(); });
  std::size_t rows = 0;
  while (const auto step = steps.next()) rows += (*step)[calling.out].size();
  CHECK(rows == 10);
}

TEST_CASE("what would wait for the step that it is called in fails the step, and says so", "[lifecycle]") {
  const auto options = GENERATE(from_range(std::begin(kOptions), std::end(kOptions)));
  const bool started = GENERATE(false, true);
  struct Wait {
    const char* named;
    std::function<void(Calling&, ls::Subscription&)> call;
  };
  const Wait waits[] = {
      {"step()", [](Calling& c, ls::Subscription&) { c.runtime->step(); }},
      {"start()", [](Calling& c, ls::Subscription&) { c.runtime->start(); }},
      {"stop()", [](Calling& c, ls::Subscription&) { c.runtime->stop(); }},
      {"save()", [](Calling& c, ls::Subscription&) { (void)c.runtime->save(); }},
      {"snapshot()", [](Calling& c, ls::Subscription&) { (void)c.runtime->snapshot(); }},
      {"subscribe()", [](Calling& c, ls::Subscription&) { (void)c.runtime->subscribe(); }},
      {"wait()", [](Calling& c, ls::Subscription&) { c.runtime->wait({2}); }},
      {"subscription",
       [](Calling&, ls::Subscription& steps) {
         while (steps.next()) {
         }
       }},
  };
  for (const Wait& wait : waits) {
    INFO(wait.named << " in a step of " << options.workers << " workers" << (started ? ", started" : ""));
    Calling calling(options);
    auto steps = calling.runtime->subscribe();
    calling.runtime->step();
    calling.call = [&](Number) { wait.call(calling, steps); };
    if (started) calling.runtime->start(kAtOnce);
    const auto ticket = (*calling.runtime)[calling.in].push(1);
    ends([&] {
      const std::string failure =
          failure_of([&] { started ? (void)calling.runtime->wait(ticket) : (void)calling.runtime->step(); });
      CHECK_THAT(failure, Contains("step 2 failed in map(in) at 1") && Contains(wait.named) && Contains("wait"));
    });
    ends([&] { calling.runtime->stop(); });
  }
}

TEST_CASE("a push that would have to wait for room fails the step that it is called in", "[lifecycle]") {
  Calling calling({.stage_rows = 2});
  calling.call = [&](Number) { (*calling.runtime)[calling.in].push(std::vector<Number>{1, 2, 3}); };
  calling.runtime->start(kAtOnce);
  const auto ticket = (*calling.runtime)[calling.in].push(1);
  ends([&] { CHECK_THROWS_WITH(calling.runtime->wait(ticket), Contains("full stage")); });
}

TEST_CASE("what does not wait may be called in a step", "[lifecycle]") {
  const auto options = GENERATE(from_range(std::begin(kOptions), std::end(kOptions)));
  Calling other;
  Calling calling(options);
  calling.runtime->step();
  std::atomic<int> calls = 0;
  std::mutex others;
  calling.call = [&](Number n) {
    if (n != 1) return;
    ++calls;
    CHECK(calling.runtime->latest().number() == 1);
    CHECK(calling.runtime->wait({1}) == 1);
    CHECK(calling.runtime->metrics().last_step.step == 1);
    CHECK((*calling.runtime)[calling.in].try_push(2));
    CHECK((*calling.runtime->open_session())[calling.in].push(3).step == 3);
    const std::lock_guard lock(others);
    (*other.runtime)[other.in].push(n);
    CHECK(text(other.runtime->step()[other.out]) == "1 +1");
    CHECK_THROWS_AS(calling.runtime->step(), ls::UsageError);  // the other's step has ended, this one has not
  };
  (*calling.runtime)[calling.in].push(1);
  ends([&] { CHECK(text(calling.runtime->step()[calling.out]) == "1 +1"); });
  ends([&] { CHECK(text(calling.runtime->step()[calling.out]) == "2 +1, 3 +1"); });
  CHECK(calls == 1);
}

TEST_CASE("a step of another runtime may not wait for the one around it", "[lifecycle]") {
  Calling outer;
  Calling inner;
  inner.call = [&](Number) { outer.runtime->step(); };
  outer.call = [&](Number n) {
    (*inner.runtime)[inner.in].push(n);
    inner.runtime->step();
  };
  (*outer.runtime)[outer.in].push(1);
  ends([&] { CHECK_THROWS_WITH(outer.runtime->step(), Contains("step()")); });
}

TEST_CASE("a runtime that is destroyed in one of its own steps goes when the step is over", "[lifecycle]") {
  const auto options = GENERATE(from_range(std::begin(kOptions), std::end(kOptions)));
  const bool started = GENERATE(false, true);
  Calling calling(options);
  auto steps = calling.runtime->subscribe();
  calling.call = [&](Number) { calling.runtime.reset(); };
  auto port = (*calling.runtime)[calling.in];
  if (started) calling.runtime->start(kAtOnce);
  port.push(1);
  ends([&] {
    if (!started) CHECK(text(calling.runtime->step()[calling.out]) == "1 +1");
    const auto step = steps.next();
    REQUIRE(step);
    CHECK(text((*step)[calling.out]) == "1 +1");
    CHECK_FALSE(steps.next());
    CHECK_THROWS_AS(port.push(2), ls::UsageError);
  });
}

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
