#include <catch2/catch.hpp>
#include <lockstep.hpp>
#include <thread>

#include "tests/delta_text.hpp"

namespace ls = lockstep;
using namespace std::chrono_literals;
using Number = std::int64_t;

namespace {

/// Numbers pass through.
struct Through {
  explicit Through(const ls::RuntimeOptions& options = {.workers = 2, .threads = 2, .small_step_rows = 0})
      : runtime(flow, options) {}

  ls::Dataflow flow;
  ls::Input<Number> in = flow.input<Number>("in");
  ls::Output<Number> out = in | ls::output("out", ls::accumulated);
  ls::Runtime runtime;
};

const ls::StepPolicy kAtOnce{.rows = 1};
const ls::StepPolicy kNever{.rows = std::size_t{1} << 40, .every = 1h};

}  // namespace

TEST_CASE("a started runtime steps when so many rows are staged", "[runtime]") {
  Through through;
  through.runtime.start({.rows = 3, .every = 1h});
  CHECK(through.runtime.started());
  through.runtime[through.in].push(1);
  through.runtime[through.in].push(2);
  std::this_thread::sleep_for(20ms);
  CHECK(through.runtime.latest().number() == 0);
  CHECK(through.runtime.wait(through.runtime[through.in].push(3)) == 1);
  CHECK(through.runtime.latest()[through.out].size() == 3);
}

TEST_CASE("a started runtime steps when a row has waited for so long, and makes no empty steps", "[runtime]") {
  Through through;
  through.runtime.start({.rows = 1000, .every = 5ms});
  CHECK(through.runtime.wait(through.runtime[through.in].push(1)) == 1);
  std::this_thread::sleep_for(30ms);
  CHECK(through.runtime.latest().number() == 1);
  CHECK(through.runtime.wait(through.runtime[through.in].push(1)) == 2);
}

TEST_CASE("a clock makes no empty steps while several threads push single rows", "[runtime]") {
  Through through;
  auto steps = through.runtime.subscribe(1 << 20);
  through.runtime.start(kAtOnce);
  std::vector<std::thread> threads;
  for (Number thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&, thread] {
      const auto session = through.runtime.open_session();
      for (Number i = 0; i < 3000; ++i) (*session)[through.in].push(3 * i + thread);
    });
  }
  for (auto& thread : threads) thread.join();
  through.runtime.stop();
  std::size_t rows = 0;
  std::size_t empty = 0;
  while (const auto step = steps.try_next()) {
    rows += (*step)[through.out].size();
    empty += (*step)[through.out].empty();
  }
  CHECK(rows == 9000);
  CHECK(empty == 0);
}

TEST_CASE("a started runtime is not stepped by hand, nor started again", "[runtime]") {
  Through through;
  CHECK_THROWS_AS(through.runtime.start({.rows = 0}), ls::UsageError);
  through.runtime.start(kNever);
  CHECK_THROWS_AS(through.runtime.step(), ls::UsageError);
  CHECK_THROWS_AS(through.runtime.start(), ls::UsageError);
}

TEST_CASE("stop steps what was accepted, is idempotent, and goes back to stepping by hand", "[runtime]") {
  Through through;
  through.runtime[through.in].push(1);
  through.runtime.start(kNever);
  const auto ticket = through.runtime[through.in].push(2);
  through.runtime.stop();
  CHECK_FALSE(through.runtime.started());
  CHECK(text(through.runtime.latest()[through.out]) == "1 +1, 2 +1");
  CHECK(through.runtime.wait(ticket) == 1);
  through.runtime.stop();
  through.runtime[through.in].push(3);
  CHECK(text(through.runtime.step()[through.out]) == "3 +1");
  through.runtime.start(kAtOnce);
  CHECK(through.runtime.wait(through.runtime[through.in].push(4)) == 3);
  through.runtime.stop();
  CHECK(text(through.runtime.snapshot()[through.out]) == "1 +1, 2 +1, 3 +1, 4 +1");
}

TEST_CASE("the destructor steps what was accepted", "[runtime]") {
  std::atomic<int> seen = 0;
  ls::Dataflow flow;
  auto in = flow.input<Number>("in");
  (void)(in | ls::inspect([&](Number, ls::Weight) { ++seen; }) | ls::output("out"));
  {
    ls::Runtime runtime(flow);
    runtime.start(kNever);
    runtime[in].push(1);
  }
  CHECK(seen == 1);
}

TEST_CASE("a row accepted before a stop is in a step when it returns", "[runtime]") {
  Through through(
      {.workers = 2, .threads = 2, .small_step_rows = 0, .stage_bytes = 64 * sizeof(ls::Weighted<std::int64_t>)});
  for (int round = 0; round < 100; ++round) {
    through.runtime.start(kNever);
    std::atomic<bool> pushing = false;
    std::atomic<bool> stopped = false;
    std::uint64_t accepted_into = 0;
    std::thread pusher([&] {
      try {
        while (!stopped) {
          const auto ticket = through.runtime[through.in].push(1);
          // Not by hand yet: it was accepted before the stop.
          if (through.runtime.started()) accepted_into = ticket.step;
          pushing = true;
        }
      } catch (const ls::UsageError&) {
      }
    });
    while (!pushing) std::this_thread::yield();
    through.runtime.stop();
    const std::uint64_t complete = through.runtime.latest().number();
    stopped = true;
    pusher.join();
    REQUIRE(accepted_into <= complete);
    through.runtime.step();
  }
}

TEST_CASE("a push without room waits for a seal when the runtime is started, and try_push says no", "[runtime]") {
  Through through({.stage_bytes = 4 * sizeof(ls::Weighted<std::int64_t>)});
  through.runtime.start({.rows = 4, .every = 1h});
  std::vector<Number> rows(1001);
  through.runtime[through.in].push(rows);
  CHECK(through.runtime.latest().number() >= 249);
  through.runtime.stop();
  CHECK(text(through.runtime.snapshot()[through.out]) == "0 +1001");

  auto steps = through.runtime.subscribe(1);
  through.runtime.start(kAtOnce);
  through.runtime.wait(through.runtime[through.in].push(1));
  // The subscription is full, so the clock waits.
  for (int i = 0; i < 4; ++i) CHECK(through.runtime[through.in].try_push(1));
  CHECK_FALSE(through.runtime[through.in].try_push(1));
}

TEST_CASE("a subscription has every step, in order, and ends with the runtime", "[runtime]") {
  auto through = std::make_unique<Through>();
  through->runtime.step();
  auto steps = through->runtime.subscribe(100);
  CHECK_FALSE(steps.try_next());
  for (Number i = 0; i < 10; ++i) {
    through->runtime[through->in].push(i);
    through->runtime.step();
  }
  const auto out = through->out;
  through.reset();
  for (Number i = 0; i < 10; ++i) {
    const auto step = steps.next();
    REQUIRE(step);
    CHECK(step->number() == static_cast<std::uint64_t>(i + 2));
    CHECK(text((*step)[out]) == std::to_string(i) + " +1");
  }
  CHECK_FALSE(steps.next());
}

TEST_CASE("by hand, a full subscription refuses a step, until it is read or dropped", "[runtime]") {
  Through through;
  CHECK_THROWS_AS(through.runtime.subscribe(0), ls::UsageError);
  {
    auto steps = through.runtime.subscribe(2);
    through.runtime.step();
    through.runtime.step();
    CHECK_THROWS_AS(through.runtime.step(), ls::UsageError);
    CHECK(steps.next()->number() == 1);
    CHECK(through.runtime.step().number() == 3);
    CHECK_THROWS_AS(through.runtime.step(), ls::UsageError);
  }
  CHECK(through.runtime.step().number() == 4);
}

TEST_CASE("a started runtime waits for a full subscription", "[runtime]") {
  Through through;
  auto steps = through.runtime.subscribe(2);
  through.runtime.start(kAtOnce);
  for (int i = 0; i < 2; ++i) through.runtime.wait(through.runtime[through.in].push(i));
  const auto third = through.runtime[through.in].push(2);
  std::this_thread::sleep_for(20ms);
  CHECK(through.runtime.latest().number() == 2);
  CHECK(steps.next()->number() == 1);
  CHECK(through.runtime.wait(third) == 3);
  through.runtime[through.in].push(3);
  through.runtime.stop();
  for (std::uint64_t number = 2; number <= 4; ++number) CHECK(steps.next()->number() == number);
}

TEST_CASE("a subscriber may wait for the next step, and no longer than it will", "[runtime]") {
  Through through;
  auto steps = through.runtime.subscribe();
  CHECK_FALSE(steps.wait_for(1ms));
  through.runtime.step();
  CHECK(steps.wait_for(1h));
  CHECK(steps.next()->number() == 1);
  through.runtime.start();
  through.runtime.stop();
  CHECK(steps.wait_for(1h));  // there will be none
  CHECK(steps.next() == std::nullopt);
}
