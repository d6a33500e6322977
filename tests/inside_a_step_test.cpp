#include <catch2/catch.hpp>

#include "tests/calling.hpp"
#include "tests/delta_text.hpp"

// What may be called from inside a step, and what becomes of a call that would wait for the step around it.

namespace ls = lockstep;
using Catch::Matchers::Contains;

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
      {"checkpoint()", [](Calling& c, ls::Subscription&) { (void)c.runtime->checkpoint(); }},
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
  Calling calling({.stage_bytes = 2 * sizeof(ls::Weighted<std::int64_t>)});
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
