#include <catch2/catch.hpp>

#include "tests/calling.hpp"
#include "tests/delta_text.hpp"

// What a push, a ticket, a waiter and a subscriber get when they meet a start, a stop, a full stage, a failure, or the
// end of the runtime. docs/running.md tells the same in words.

namespace ls = lockstep;
using Catch::Matchers::Contains;

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
  auto waits_for_its_row = call_until_asleep([&] { return calling.runtime->wait({1}); });
  auto waits_for_ever = call_until_asleep([&] { return calling.runtime->wait({7}); });
  calling.runtime->stop();
  ends([&] { CHECK(waits_for_its_row.get() == 1); });
  ends([&] { CHECK_THROWS_AS(waits_for_ever.get(), ls::UsageError); });
}

TEST_CASE("a wait is released when the runtime goes", "[lifecycle]") {
  Calling calling;
  calling.runtime->start(kNever);
  auto waits = call_until_asleep([&runtime = *calling.runtime] { return runtime.wait({7}); });
  calling.runtime.reset();
  ends([&] { CHECK_THROWS_AS(waits.get(), ls::UsageError); });
}

TEST_CASE("of pushes that meet a stop, those that return a ticket are in its step, and the others are refused",
          "[lifecycle]") {
  for (int round = 0; round < 40; ++round) {
    Calling calling({.workers = 2, .threads = 2, .stage_bytes = 8 * sizeof(ls::Weighted<std::int64_t>)});
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
  Calling calling({.stage_bytes = 2 * sizeof(ls::Weighted<std::int64_t>)});
  Gate gate;
  calling.call = [&](Number) { gate.pass(); };
  calling.runtime->start(kAtOnce);
  (*calling.runtime)[calling.in].push(1);
  gate.await_somebody();  // the step runs, and takes no more rows
  (*calling.runtime)[calling.in].push(std::vector<Number>{2, 3});
  auto port = (*calling.runtime)[calling.in];
  auto pusher = call_until_asleep([port]() mutable { port.push(4); });
  auto stopper = std::async([&] { goes ? calling.runtime.reset() : calling.runtime->stop(); });
  ends([&] { CHECK_THROWS_WITH(pusher.get(), Contains("stopping")); });
  gate.open();
  ends([&] { stopper.get(); });
  if (!goes) CHECK(text(calling.runtime->snapshot()[calling.out]) == "1 +1, 2 +1, 3 +1");
}

TEST_CASE("a full stage makes a started clock step, whatever the policy", "[lifecycle]") {
  Calling calling({.stage_bytes = 4 * sizeof(ls::Weighted<std::int64_t>)});
  calling.runtime->start(kNever);
  auto port = (*calling.runtime)[calling.in];
  ends([&] { CHECK(calling.runtime->wait(port.push(std::vector<Number>{1, 2, 3, 4})) == 1); });
  const auto two = port.push(std::vector<Number>{5, 6});
  ends([&] { port.push(std::vector<Number>{7, 8, 9}); });  // needs the room of the two
  ends([&] { CHECK(calling.runtime->wait(two) == 2); });
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
