#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "tests/faulty_files.hpp"
#include "tests/numbers.hpp"

// What is left of checkpoints when the process is killed, the power goes, the disk fails or is full, or files are
// damaged: the state of a complete step, or an error, never something in between.

namespace ls = lockstep;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Fault = FaultyFiles::Fault;
using Catch::Matchers::Contains;

namespace {

/// `--long` runs them all; otherwise one in so many.
std::uint64_t stride(std::uint64_t usual) { return std::getenv("LOCKSTEP_LONG") != nullptr ? 1 : usual; }

/// Opens the directory, checks that it holds the state of one complete step, and returns which.
std::uint64_t step_in(Numbers& numbers, const fs::path& directory) {
  const auto runtime = numbers.open(directory, 3);
  const std::uint64_t step = runtime->latest().number();
  CHECK(numbers.contents(*runtime) == numbers.expected(step));
  return step;
}

std::unique_ptr<ls::Runtime> open_on(const std::shared_ptr<FaultyFiles>& files, Numbers& numbers,
                                     const Folder& folder) {
  return numbers.open(folder.state(), 2, {.begin_if_empty = true, .keep = 2, .threads = 1, .files = files});
}

/// Runs the victim, kills it after so long if it lives then, and returns the last checkpoint that it told of.
struct Told {
  std::uint64_t step = 0;
  bool killed = false;
};
Told run_victim(const fs::path& directory, std::uint64_t call, std::uint64_t last, std::chrono::microseconds life) {
  int out[2];
  REQUIRE(pipe2(out, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  const std::string arguments[] = {CHECKPOINT_VICTIM, directory.string(), std::to_string(call), std::to_string(last)};
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t victim = 0;
  REQUIRE(posix_spawn(&victim, CHECKPOINT_VICTIM, &actions, nullptr, argv.data(), environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  if (life != 0us) {
    std::this_thread::sleep_for(life);
    kill(victim, SIGKILL);
  }
  std::string text;
  char bytes[256];
  for (ssize_t got = 0; (got = read(out[0], bytes, sizeof bytes)) > 0;)
    text.append(bytes, static_cast<std::size_t>(got));
  close(out[0]);
  int status = 0;
  REQUIRE(waitpid(victim, &status, 0) == victim);
  REQUIRE((WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
  Told told;
  told.killed = WIFSIGNALED(status);
  std::istringstream lines(text);
  for (std::uint64_t step = 0; lines >> step;) told.step = step;
  return told;
}

}  // namespace

TEST_CASE("whenever a process is killed, the last checkpoint that it told of is there, or the one after",
          "[checkpoint]") {
  Numbers numbers;
  std::mt19937_64 random(20261127);
  std::uint64_t kills = 0;
  for (std::uint64_t call = 1;; call += 1 + random() % (2 * stride(12) - 1)) {
    const Folder folder;
    const Told told = run_victim(folder.state(), call, 10, 0us);
    const std::uint64_t found = step_in(numbers, folder.state());
    INFO("killed before call " << call);
    CHECK((found == told.step || (told.killed && found == told.step + 2)));
    if (!told.killed) break;
    ++kills;
    // And it goes on from there, whatever was left.
    CHECK(run_victim(folder.state(), 1'000'000, found + 4, 0us).step == found + 4);
    CHECK(step_in(numbers, folder.state()) == found + 4);
  }
  CHECK(kills >= 5);
}

TEST_CASE(
    "an executable that is another one is refused, and names the functions without a version, until it is accepted",
    "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  CHECK(run_victim(folder.state(), 1'000'000, 4, 0us).step == 4);
  const auto go_on = [&](std::uint64_t step, bool accept) {
    ls::Runtime runtime(numbers.flow, {},
                        ls::checkpoints(folder.state(), {.changes = {.accept_changed_functions = accept}}));
    numbers.step_to(runtime, step);
    runtime.checkpoint().get();
    CHECK(numbers.contents(runtime) == numbers.expected(step));
  };
  CHECK_THROWS_AS(go_on(5, false), ls::ForeignCheckpoint);
  // The index of the join is of a key_by with a function, and an output of a filter; the table has none.
  CHECK_THROWS_WITH(go_on(5, false), Contains("group_by(in, function, count)") && Contains("key_by(in, function)") &&
                                         Contains("filter(table(names))") && !Contains("'table(names)'") &&
                                         Contains("accept_changed_functions"));
  go_on(5, true);
  go_on(6, false);
}

TEST_CASE("a process that is killed again and again comes to its end", "[checkpoint]") {
  constexpr std::uint64_t kKillsOfOne = 30;
  Numbers numbers;
  std::mt19937_64 random(7);
  for (std::uint64_t kills = 1950 / stride(20); kills != 0;) {
    const Folder folder;
    std::uint64_t before = 0;
    for (std::uint64_t left = std::min(kills, kKillsOfOne); left != 0; --left, --kills) {
      const bool at_a_call = random() % 2 == 0;
      const std::uint64_t call = at_a_call ? 1 + random() % 60 : 1'000'000;
      const auto life = std::chrono::microseconds(at_a_call ? 0 : 1 + random() % 80'000);
      INFO("to be killed before call " << call << ", or after " << life.count() << " us");
      const Told told = run_victim(folder.state(), call, 1'000'000, life);
      CHECK(told.killed);
      const std::uint64_t found = step_in(numbers, folder.state());
      CHECK(found >= std::max(before, told.step));
      before = found;
    }
  }
}

TEST_CASE("whenever the power goes, a checkpoint that is durable is there", "[checkpoint]") {
  Numbers numbers;
  std::uint64_t losses = 0;
  for (std::uint64_t call = 1;; call += stride(5)) {
    const Folder folder;
    const auto files = std::make_shared<FaultyFiles>();
    files->arm(Fault::from_then_on, call);
    std::uint64_t durable = 0;
    std::uint64_t tried = 0;
    try {
      const auto runtime = open_on(files, numbers, folder);
      for (const std::uint64_t step : {2U, 4U, 6U, 8U}) {
        numbers.step_to(*runtime, step);
        tried = step;
        durable = runtime->checkpoint().get();
      }
    } catch (const ls::CheckpointError&) {  // the power is off
    }
    const bool lost = files->calls() >= call;
    files->lose_power(folder.path());
    INFO("power lost before call " << call << ", checkpoint " << durable << " durable, " << tried << " tried");
    const std::uint64_t found = step_in(numbers, folder.state());
    CHECK((found == durable || found == tried));
    if (!lost) break;
    ++losses;
  }
  CHECK(losses >= 5);
}

TEST_CASE("when the disk fails at any call, the next checkpoint is good, without a restart", "[checkpoint]") {
  Numbers numbers;
  std::uint64_t failures = 0;
  for (std::uint64_t call = 1;; call += stride(4)) {
    const Folder folder;
    const auto files = std::make_shared<FaultyFiles>();
    {
      const auto runtime = open_on(files, numbers, folder);
      for (const std::uint64_t step : {1U, 2U}) {
        numbers.step_to(*runtime, step);
        runtime->checkpoint().get();
      }
      numbers.step_to(*runtime, 3);
      files->arm(Fault::once, call);
      bool failed = false;
      try {
        runtime->checkpoint().get();
      } catch (const ls::CheckpointError& error) {
        failed = true;
        CHECK_THAT(error.what(), Catch::Matchers::Contains(folder.path().string()));
      }
      const bool hit = files->calls() >= call;
      files->arm(Fault::none, 0);
      INFO("failed at call " << call);
      numbers.step_to(*runtime, 4);
      REQUIRE(runtime->checkpoint().get() == 4);
      if (failed) ++failures;
      if (!hit) break;
    }
    CHECK(step_in(numbers, folder.state()) == 4);
  }
  CHECK(failures >= 5);
}

TEST_CASE("when the disk is full, steps go on, and when it has room again, so do checkpoints", "[checkpoint]") {
  const Folder folder;
  fs::create_directory(folder.state());
  constexpr std::size_t kDisk = std::size_t{8} << 20;
  if (mount("none", folder.state().c_str(), "tmpfs", 0, ("size=" + std::to_string(kDisk)).c_str()) != 0) {
    WARN("no small disk can be mounted here");
    return;
  }
  const std::unique_ptr<const fs::path, void (*)(const fs::path*)> mounted(new fs::path(folder.state()),
                                                                           [](const fs::path* path) {
                                                                             umount2(path->c_str(), MNT_DETACH);
                                                                             delete path;
                                                                           });
  const fs::path filler = folder.state() / "filler";
  std::ofstream(filler) << std::string(kDisk / 2, 'x');
  ls::Dataflow flow;
  const auto in = flow.input<std::string>("in");
  const auto out = in | ls::output("out", ls::accumulated);
  std::mt19937_64 random(1);
  const auto step = [&](ls::Runtime& runtime) {
    for (int i = 0; i < 500; ++i) {
      std::string text;
      for (int k = 0; k < 40; ++k) text += static_cast<char>(random());
      runtime[in].push(text);
    }
    runtime.step();
  };
  std::size_t rows = 0;
  {
    ls::Runtime runtime(flow, {}, ls::checkpoints(folder.state(), {.begin_if_empty = true, .keep = 1}));
    std::string failure;
    while (failure.empty()) {
      step(runtime);
      try {
        runtime.checkpoint().get();
      } catch (const ls::CheckpointError& error) {
        failure = error.what();
      }
      REQUIRE(runtime.latest().number() < 1000);
    }
    CHECK_THAT(failure, Contains(folder.state().string()) && Contains("No space left"));
    CHECK(runtime.metrics().checkpoints.step == runtime.latest().number() - 1);
    step(runtime);
    fs::remove(filler);
    CHECK(runtime.checkpoint().get() == runtime.latest().number());
    rows = runtime.snapshot()[out].size();
  }
  ls::Runtime runtime(flow, {}, ls::checkpoints(folder.state()));
  CHECK(runtime.snapshot()[out].size() == rows);
}

TEST_CASE("a file that is damaged, cut short or missing is an error, or does not matter", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  {
    const auto runtime = numbers.open(folder.state(), 2, {.begin_if_empty = true, .keep = 1});
    for (const std::uint64_t step : {2U, 4U}) {
      numbers.step_to(*runtime, step);
      runtime->checkpoint().get();
    }
  }
  std::vector<fs::path> names;
  for (const auto& file : fs::recursive_directory_iterator(folder.state())) {
    if (file.is_regular_file()) names.push_back(fs::relative(file.path(), folder.state()));
  }
  std::mt19937_64 random(11);
  enum class Damage { flip, cut, remove };
  int errors = 0;
  const auto attempt = [&](const fs::path& name, Damage damage) {
    const Folder copy;
    fs::copy(folder.state(), copy.state(), fs::copy_options::recursive);
    const fs::path path = copy.state() / name;
    const auto size = fs::file_size(path);
    if (damage == Damage::remove) {
      fs::remove(path);
    } else if (size == 0) {
      return;
    } else if (damage == Damage::cut) {
      fs::resize_file(path, random() % size);
    } else {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      const auto at = static_cast<std::streamoff>(random() % size);
      file.seekg(at);
      const int byte = file.get();
      file.seekp(at);
      file.put(static_cast<char>(byte ^ (1 << random() % 8)));
    }
    INFO(name << (damage == Damage::flip ? " damaged" : damage == Damage::cut ? " cut short" : " missing"));
    try {
      const std::uint64_t found = step_in(numbers, copy.state());
      CHECK(found == 4);
    } catch (const ls::CheckpointError&) {
      ++errors;
    }
  };
  for (const fs::path& name : names) {
    for (std::uint64_t i = 0; i < 40 / stride(8); ++i) attempt(name, Damage::flip);
    for (std::uint64_t i = 0; i < 10 / stride(5); ++i) attempt(name, Damage::cut);
    attempt(name, Damage::remove);
  }
  CHECK(errors >= 5);
}

TEST_CASE("a process may exit while a runtime is there, or the thread that took a checkpoint of it", "[checkpoint]") {
  const char* const manner =
      GENERATE("the-condition-lets-go-of-the-runtime", "the-condition-has-the-runtime", "the-condition-exits",
               "a-checkpoint-is-under-way", "static-objects-have-the-runtime", "a-condition-waits", "a-step-exits");
  INFO(manner);
  for (int i = 0; i < 10; ++i) {
    const Folder folder;
    const int status = std::system((CHECKPOINT_VICTIM " " + folder.state().string() + " " + manner).c_str());
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 3);
    CHECK_NOTHROW(Numbers().open(folder.state()));
  }
}
