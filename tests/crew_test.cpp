#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "runtime/clock/crew.hpp"

namespace ls = lockstep;

namespace {

class CountingNode final : public ls::Node {
 public:
  CountingNode(std::uint64_t& count, std::thread::id& thread, std::uint64_t fail_at, std::uint64_t slow_at)
      : count_(count), thread_(thread), fail_at_(fail_at), slow_at_(slow_at) {}
  void eval(ls::Activation& activation) override {
    if (activation.time.step == fail_at_) throw std::runtime_error("enough");
    if (activation.time.step == slow_at_) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    ++count_;
    thread_ = std::this_thread::get_id();
  }

 private:
  std::uint64_t& count_;
  std::thread::id& thread_;
  std::uint64_t fail_at_;
  std::uint64_t slow_at_;
};

/// A crew of so many workers, each with one node that counts its steps in plain memory, and says who ran it.
struct CountingCrew {
  CountingCrew(unsigned workers, const ls::Crew::Options& options, std::uint64_t fail_at, std::uint64_t slow_at = 0)
      : counts(workers), threads(workers) {
    for (unsigned w = 0; w < workers; ++w) {
      this->workers.push_back(std::make_unique<ls::Worker>(w, std::make_unique<ls::Pulse>(), nullptr, state.failure));
      ls::Assembly::Parts parts;
      parts.nodes.push_back(
          {std::make_unique<CountingNode>(counts[w], threads[w], w == 1 ? fail_at : 0, w % 3 == 0 ? slow_at : 0),
           &info,
           0,
           {}});
      this->workers[w]->install(std::move(parts), 1, {});
      this->workers[w]->set_input(0, info.id);
    }
    crew = std::make_unique<ls::Crew>(this->workers, state, options);
  }
  void run(std::uint64_t step, std::size_t rows = 1) {
    order.time = {step, 0};
    order.inputs = {0};
    order.rows = rows;
    crew->run(order);
  }

  std::vector<std::uint64_t> counts;
  std::vector<std::thread::id> threads;
  ls::OperatorInfo info{ls::Part("count", "count")};
  ls::RunState state;
  ls::StepOrder order;
  std::vector<std::unique_ptr<ls::Worker>> workers;
  std::unique_ptr<ls::Crew> crew;
};

}  // namespace

TEST_CASE("a crew runs every worker once a step, and its caller sees all they have written", "[concurrency]") {
  const auto options =
      GENERATE(ls::Crew::Options{}, ls::Crew::Options{.threads = 2}, ls::Crew::Options{.threads = 3, .spin = false},
               ls::Crew::Options{.threads = 3, .small_step_rows = 2}, ls::Crew::Options{.threads = 2, .pin = true},
               ls::Crew::Options{.spin = true, .schedule_seed = 5});
  CountingCrew crew(5, options, 0);
  for (std::uint64_t step = 1; step <= 5000; ++step) {
    crew.run(step);
    if (crew.counts != std::vector<std::uint64_t>(5, step)) FAIL("step " << step);
  }
}

TEST_CASE("helpers who are roused begin no step of their own", "[concurrency]") {
  CountingCrew crew(3, {.threads = 3}, 0);
  std::atomic<bool> done = false;
  std::thread rouser([&] {
    while (!done) crew.crew->rouser()();
  });
  for (std::uint64_t step = 1; step <= 2000; ++step) {
    crew.run(step);
    if (crew.counts != std::vector<std::uint64_t>(3, step)) FAIL("step " << step);
    if (step % 200 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  done = true;
  rouser.join();
}

TEST_CASE("the caller runs a small step alone, unless it takes long", "[concurrency]") {
  constexpr std::uint64_t kSlow = 1001;
  CountingCrew crew(4, {.threads = 3, .small_step_rows = 2}, 0, kSlow);
  const auto caller = std::this_thread::get_id();
  const std::vector<std::thread::id> alone(4, caller);
  bool was_alone = false;
  // Some steps take long because the processor is busy with something else; not all.
  for (std::uint64_t step = 1; step < kSlow; ++step) {
    crew.run(step);
    was_alone |= crew.threads == alone;
  }
  CHECK(was_alone);
  crew.run(kSlow);
  CHECK(crew.threads[0] == caller);
  CHECK(crew.threads[1] != caller);
  CHECK(crew.threads[2] != caller);
  CHECK(crew.threads[3] == caller);
  CHECK(crew.counts == std::vector<std::uint64_t>(4, kSlow));
}

TEST_CASE("the caller runs the share of a helper who is late", "[concurrency]") {
  constexpr std::size_t kManyRows = 1000;
  CountingCrew crew(5, {.threads = 2, .small_step_rows = 2}, 0);
  const std::vector<std::thread::id> alone(5, std::this_thread::get_id());
  bool was_alone = false;
  for (std::uint64_t step = 1; !was_alone; ++step) {
    REQUIRE(step < 5000);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // and so does the helper
    crew.run(step, kManyRows);
    REQUIRE(crew.counts == std::vector<std::uint64_t>(5, step));
    was_alone = crew.threads == alone;
  }
}

TEST_CASE("shares are run once, by their helpers or by the caller", "[concurrency]") {
  const unsigned threads = GENERATE(2U, 3U, 4U);
  CountingCrew crew(5, {.threads = threads, .spin = threads == 2, .small_step_rows = 1}, 0);
  for (std::uint64_t step = 1; step <= 3000; ++step) {
    if (step % 100 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    crew.run(step, step % 3 == 0 ? 1 : 1000);
    if (crew.counts != std::vector<std::uint64_t>(5, step)) FAIL("step " << step);
  }
}

TEST_CASE("a crew ends the step in which a worker fails", "[concurrency]") {
  const unsigned threads = GENERATE(1U, 2U, 3U);
  const std::size_t small_step_rows = GENERATE(0U, 2U);
  CountingCrew crew(5, {.threads = threads, .small_step_rows = small_step_rows}, 100);
  std::uint64_t step = 0;
  while (!crew.state.failure.failed()) crew.run(++step);
  CHECK(step == 100);
  CHECK_THROWS_WITH(crew.state.failure.rethrow(), Catch::Matchers::Contains("step 100 failed in count: enough"));
}
