#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "self_test.hpp"
#include "tests/property/planted.hpp"
#include "tests/property/run.hpp"
#include "tests/property/shrink.hpp"

namespace lockstep::property {

namespace {

char current_case[128];

/// Says which case was running when the process crashed or hung.
void say_case(int signal) {
  (void)!write(STDERR_FILENO, current_case, std::strlen(current_case));
  std::signal(signal, SIG_DFL);
  std::raise(signal == SIGALRM ? SIGABRT : signal);
}

void watch() {
  for (const int signal : {SIGALRM, SIGABRT, SIGSEGV, SIGFPE}) std::signal(signal, say_case);
}

/// In a process of its own, so that a case that crashes or hangs can be shrunk too.
std::optional<std::string> isolated_failure_of(const Case& one) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child == 0) {
    for (const int signal : {SIGALRM, SIGABRT, SIGSEGV, SIGFPE}) std::signal(signal, SIG_DFL);
    (void)!std::freopen("/dev/null", "w", stderr);
    alarm(10);
    const auto wrong = failure_of(one);
    if (wrong) (void)!write(ends[1], wrong->data(), wrong->size());
    _exit(wrong ? 1 : 0);
  }
  close(ends[1]);
  std::string wrong;
  char buffer[4096];
  for (ssize_t size; (size = read(ends[0], buffer, sizeof buffer)) > 0;)
    wrong.append(buffer, static_cast<std::size_t>(size));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return std::string(WTERMSIG(status) == SIGALRM ? "hangs" : "crashes");
  return WEXITSTATUS(status) == 0 ? std::nullopt : std::optional(wrong);
}

std::optional<std::string> watched_failure_of(const Case& one, std::uint64_t seed, std::uint64_t number) {
  constexpr unsigned kPatienceSeconds = 60;
  const auto text =
      fmt::format_to_n(current_case, sizeof current_case - 1, "crashed or hung: --replay {}:{}\n", seed, number);
  *text.out = '\0';
  alarm(kPatienceSeconds);
  auto wrong = failure_of(one);
  alarm(0);
  return wrong;
}

void report(const Case& one, const std::string& wrong, std::uint64_t seed, std::uint64_t number) {
  fmt::print("case {}:{} fails: {}\n", seed, number, wrong);
  std::fflush(stdout);
  const auto fails = [](const Case& smaller) { return isolated_failure_of(smaller).has_value(); };
  const Case small = shrink(one, fails, std::chrono::seconds(30));
  fmt::print("shrunk:\n{}fails: {}\nagain: property_tests --replay {}:{}\n", to_text(small),
             isolated_failure_of(small).value_or("no longer"), seed, number);
}

bool replay(std::uint64_t seed, std::uint64_t number) {
  const Case one = generate(seed, number);
  fmt::print("{}", to_text(one));
  std::fflush(stdout);
  const auto wrong = isolated_failure_of(one);
  if (wrong) report(one, *wrong, seed, number);
  return !wrong;
}

bool reached_everything() {
  bool all = true;
  fmt::print("{:<28} {:>12}\n", "reached", "times");
  for (unsigned place = 0; place < places_reached.size(); ++place) {
    const std::uint64_t times = places_reached[place];
    all = all && times != 0;
    fmt::print("{:<28} {:>12}{}\n", kPlaceNames[place], times, times == 0 ? "  NOT REACHED" : "");
  }
  return all;
}

bool run_cases(std::uint64_t seed, std::uint64_t cases) {
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [begin] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  for (std::uint64_t number = 0; number < cases; ++number) {
    const Case one = generate(seed, number);
    if (const auto wrong = watched_failure_of(one, seed, number)) {
      report(one, *wrong, seed, number);
      return false;
    }
    if (terminal && number % 256 == 0) {
      fmt::print("\r{} of {} cases, {:.0f} a second ", number, cases, static_cast<double>(number) / seconds());
      std::fflush(stdout);
    }
  }
  fmt::print("{}{} cases with seed {} in {:.1f} s, {:.0f} a second\n", terminal ? "\r" : "", cases, seed, seconds(),
             static_cast<double>(cases) / seconds());
  return true;
}

}  // namespace

}  // namespace lockstep::property

int main(int argc, char** argv) {
  using namespace lockstep::property;
  CLI::App app("Random dataflows on random histories, compared with the query run from scratch at every step");
  std::uint64_t cases = 10'000;
  std::uint64_t seed = 1;
  std::string which;
  bool planted = false;
  int bug = 0;
  bool coverage = true;
  app.add_option("--cases", cases, "how many");
  app.add_option("--seed", seed, "of all of them");
  app.add_option("--replay", which, "one case, SEED:NUMBER, with what it is made of");
  app.add_flag("--planted", planted, "that each planted bug is caught within so many cases");
  app.add_option("--bug", bug, "the number of a planted bug to run with");
  app.add_flag("!--no-coverage", coverage, "whatever was not reached");
  CLI11_PARSE(app, argc, argv);

  if (planted) return catches_planted_bugs(seed, cases) ? 0 : 1;
  watch();
  lockstep::active_bug = bug;
  if (!which.empty()) {
    const auto colon = which.find(':');
    if (colon == std::string::npos) return app.exit(CLI::ValidationError("--replay", "takes SEED:NUMBER"));
    return replay(std::stoull(which.substr(0, colon)), std::stoull(which.substr(colon + 1))) ? 0 : 1;
  }
  if (!run_cases(seed, cases)) return 1;
  return reached_everything() || !coverage ? 0 : 1;
}
