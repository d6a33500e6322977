#include "tests/property/planted.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <new>
#include <string_view>
#include <thread>

#include "self_test.hpp"
#include "tests/property/run.hpp"

namespace lockstep::property {

namespace {

/// Where a child shows how far it is.
struct Progress {
  std::atomic<std::uint64_t> cases{0};
};

enum Outcome : int { kMissed = 0, kCaught = 1 };

[[noreturn]] void hunt(int bug, std::uint64_t seed, std::uint64_t cases, Progress& progress) {
  active_bug = bug;
  for (std::uint64_t i = 0; i < cases; ++i) {
    progress.cases = i + 1;
    if (failure_of(generate(seed, i))) _exit(kCaught);
  }
  _exit(kMissed);
}

/// Waits for a child, and ends it when it gets nowhere.
const char* outcome_of(pid_t child, const Progress& progress) {
  constexpr auto kPatience = std::chrono::seconds(5);
  std::uint64_t last = 0;
  auto since = std::chrono::steady_clock::now();
  for (;;) {
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == child) {
      if (!WIFEXITED(status)) return "crashes";
      return WEXITSTATUS(status) == kCaught ? "is wrong" : nullptr;
    }
    if (progress.cases != last) {
      last = progress.cases;
      since = std::chrono::steady_clock::now();
    } else if (std::chrono::steady_clock::now() - since > kPatience) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return "hangs";
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace

bool catches_planted_bugs(std::uint64_t seed, std::uint64_t cases) {
  void* shared = mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    fmt::print("no shared memory\n");
    return false;
  }
  auto* progress = new (shared) Progress;
  bool all = true;
  fmt::print("{:<40} {:>8}\n", "planted bug", "cases");
  for (int bug = 1; bug < static_cast<int>(std::size(kBugNames)); ++bug) {
    if (std::string_view(kBugNames[bug]).starts_with("store: ")) continue;
    progress->cases = 0;
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) hunt(bug, seed, cases, *progress);
    const char* outcome = outcome_of(child, *progress);
    all = all && outcome != nullptr;
    fmt::print("{:<40} {:>8}  {}\n", kBugNames[bug], progress->cases.load(),
               outcome != nullptr ? outcome : "NOT CAUGHT");
  }
  munmap(shared, sizeof(Progress));
  return all;
}

}  // namespace lockstep::property
