#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <future>
#include <lockstep_checkpoint.hpp>
#include <thread>

#include "tests/numbers.hpp"

// When checkpoints are taken.

namespace ls = lockstep;
using namespace std::chrono_literals;

TEST_CASE("checkpoints are taken by time, by rows and by bytes, and only of new steps", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  const ls::CheckpointOptions options = GENERATE(ls::CheckpointOptions{.begin_if_empty = true, .every = 5ms},
                                                 ls::CheckpointOptions{.begin_if_empty = true, .rows = 100},
                                                 ls::CheckpointOptions{.begin_if_empty = true, .bytes = 4000});
  const auto runtime = numbers.open(folder.state(), 2, options);
  const auto taken = [&] { return runtime->metrics().checkpoints.taken; };
  const auto await = [&](std::uint64_t count) {
    for (int i = 0; i < 2000 && taken() < count; ++i) std::this_thread::sleep_for(5ms);
    return taken();
  };
  std::this_thread::sleep_for(50ms);
  CHECK(taken() == 0);
  numbers.step_to(*runtime, 20);
  CHECK(await(1) >= 1);
  numbers.step_to(*runtime, 40);
  CHECK(await(2) >= 2);
  CHECK_THROWS_AS(ls::Runtime(numbers.flow).checkpoint(), ls::UsageError);
}

TEST_CASE("checkpoints that are wanted while one is written are late, and counted", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  const auto runtime = numbers.open(folder.state(), 2, {.begin_if_empty = true, .rows = 20});
  std::promise<void> is_written;
  std::promise<void> disk_is_slow;
  const auto slow = runtime->checkpoint([&] {
    is_written.set_value();
    disk_is_slow.get_future().wait();
  });
  is_written.get_future().wait();
  numbers.step_to(*runtime, 10);
  CHECK(runtime->metrics().checkpoints.delayed == 0);
  disk_is_slow.set_value();
  for (int i = 0; i < 2000 && runtime->metrics().checkpoints.step < 10; ++i) std::this_thread::sleep_for(5ms);
  const ls::CheckpointMetrics metrics = runtime->metrics().checkpoints;
  CHECK(metrics.step == 10);
  CHECK(metrics.taken == 2);
  CHECK(metrics.delayed == 1);
}

TEST_CASE("a condition, or on_error, that asks for another checkpoint is told that it would wait for itself",
          "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  std::promise<std::string> in_condition;
  std::promise<std::string> in_on_error;
  ls::Runtime* asked = nullptr;
  const auto ask = [&](std::promise<std::string>& told) {
    try {
      asked->checkpoint().get();
    } catch (const ls::UsageError& error) {
      told.set_value(error.what());
    }
  };
  const std::string told = "checkpoint() in a condition, or in on_error, would wait for the one that is under way";
  const auto runtime = numbers.open(
      folder.state(), 2, {.begin_if_empty = true, .rows = 100, .on_error = [&](const auto&) { ask(in_on_error); }});
  asked = runtime.get();
  numbers.step_to(*runtime, 1);
  CHECK(runtime->checkpoint([&] { ask(in_condition); }).get() == 1);
  CHECK(in_condition.get_future().get() == told);
  std::filesystem::rename(folder.state(), folder.path() / "moved");
  numbers.step_to(*runtime, 6);  // of 20 rows each
  CHECK(in_on_error.get_future().get() == told);
}
