#define CATCH_CONFIG_RUNNER
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <string_view>

#include "self_test.hpp"

// Runs tests of checkpoints on the copy of the engine with planted bugs: without a bug they pass, and with each of
// those of the store (property/self_test.txt) one of them fails.

namespace {

/// In a process of its own, since what a bug has done to the store need not be over.
bool passes(int bug, const char* tests) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    constexpr unsigned kSeconds = 60;
    alarm(kSeconds);
    if (bug != 0 && std::freopen("/dev/null", "w", stdout) == nullptr) _exit(2);
    lockstep::active_bug = bug;
    Catch::Session session;
    session.configData().testsOrTags = {tests};
    session.configData().abortAfter = 1;
    _exit(session.run() == 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Histories take the longest, so they come last.
bool passes(int bug) { return passes(bug, "~[history]") && passes(bug, "[history]"); }

}  // namespace

int main() {
  bool all = passes(0);
  if (!all) std::printf("the tests fail without a bug\n");
  for (int bug = 1; bug < static_cast<int>(std::size(lockstep::kBugNames)); ++bug) {
    if (!std::string_view(lockstep::kBugNames[bug]).starts_with("store: ")) continue;
    const bool caught = !passes(bug);
    std::printf("%-70s %s\n", lockstep::kBugNames[bug], caught ? "is caught" : "NOT CAUGHT");
    all = all && caught;
  }
  return all ? 0 : 1;
}
