#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>

#include "tests/faulty_files.hpp"
#include "tests/numbers.hpp"

// A program that the tests kill:
//
//   checkpoint_victim DIRECTORY CALL STEP
//
// goes on from the directory to a step, with a checkpoint after every second one, of which it tells when it is durable.
// It kills itself before the CALL-th call that changes a file.
//
//   checkpoint_victim DIRECTORY MANNER
//
// ends with exit code 3, while a runtime that is started, or the thread that took its last checkpoint, is there still.

namespace {

std::shared_ptr<lockstep::Runtime> kept;

[[noreturn]] void end(const std::string& directory, const std::string& manner) {
  Numbers numbers;
  std::atomic<bool> exits_in_a_step = false;
  (void)(numbers.in | lockstep::inspect([&](Number, lockstep::Weight) {
           if (exits_in_a_step.exchange(false)) std::exit(3);  // once: the threads of a step may not both
         }));
  std::shared_ptr<lockstep::Runtime> runtime = numbers.open(directory);
  if (manner == "a-step-exits") {
    for (std::uint64_t step = 1; step < 10; ++step) {
      numbers.step_to(*runtime, step);
      (void)runtime->checkpoint();
    }
    exits_in_a_step = true;
    numbers.step_to(*runtime, 10);
  }
  runtime->start();
  numbers.push(*runtime, 1);
  std::shared_future<std::uint64_t> checkpoint;
  if (manner == "the-condition-lets-go-of-the-runtime") {
    checkpoint = runtime->checkpoint([&] { runtime.reset(); });
  } else if (manner == "the-condition-has-the-runtime") {
    checkpoint = runtime->checkpoint([runtime] {});
    runtime.reset();
  } else if (manner == "the-condition-exits") {
    checkpoint = runtime->checkpoint([] { std::exit(3); });
  } else if (manner == "a-checkpoint-is-under-way") {
    (void)runtime->checkpoint();
    std::exit(3);
  } else if (manner == "static-objects-have-the-runtime") {
    kept = runtime;
    (void)runtime->checkpoint();
    std::exit(3);
  } else if (manner == "a-condition-waits") {
    (void)runtime->checkpoint([] { std::this_thread::sleep_for(std::chrono::hours(1)); });
    std::exit(3);
  }
  checkpoint.wait();
  std::exit(3);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3) end(argv[1], argv[2]);
  if (argc != 4) return 2;
  const auto files = std::make_shared<FaultyFiles>();
  files->arm(FaultyFiles::Fault::kill, std::stoull(argv[2]));
  Numbers numbers;
  const auto runtime = numbers.open(argv[1], 2, {.begin_if_empty = true, .keep = 2, .files = files});
  const std::uint64_t last = std::stoull(argv[3]);
  while (runtime->latest().number() < last) {
    numbers.step_to(*runtime, runtime->latest().number() + 2);
    const std::string line = std::to_string(runtime->checkpoint().get()) + "\n";
    if (write(STDOUT_FILENO, line.data(), line.size()) < 0) return 2;
  }
}
