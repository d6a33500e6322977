#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/command.hpp"
#include "tests/numbers.hpp"

namespace fs = std::filesystem;
namespace ls = lockstep;
using Catch::Matchers::Contains;

TEST_CASE("the state command shows the checkpoints of a directory, also while a program has it", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  const auto runtime = numbers.open(folder.state(), 3, {.application = "numbers", .begin_if_empty = true});
  CHECK(run_command("state " + folder.state().string()).exit_code == 2);
  for (const std::uint64_t step : {2U, 1'005U}) {
    numbers.step_to(*runtime, step);
    runtime->checkpoint().get();
  }
  const CommandResult shown = run_command("state --verify " + folder.state().string());
  CHECK(shown.exit_code == 0);
  CHECK_THAT(shown.output, Contains("application numbers") && Contains("on 3 workers") &&
                               Contains("checkpoint 2: step 1,005") && Contains("checkpoint 1: step 2,") &&
                               Contains("items verified") && Contains("contents(named)"));
  CHECK_THAT(shown.output, Contains("session        0           20,100"));  // of 20 rows a step
  const CommandResult older = run_command("state --step 2 " + folder.state().string());
  CHECK(older.exit_code == 0);
  CHECK_THAT(older.output, Contains("session        0               40"));
  CHECK(run_command("state --step 3 " + folder.state().string()).exit_code == 2);
}

TEST_CASE("the state command tells damage from what is not there by its exit code", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  CHECK(run_command("state " + folder.state().string()).exit_code == 2);
  {
    const auto runtime = numbers.open(folder.state());
    numbers.step_to(*runtime, 30);
    runtime->checkpoint().get();
  }
  fs::path largest;
  for (const auto& file : fs::directory_iterator(folder.state() / "store")) {
    if (file.path().extension() == ".sst" && (largest.empty() || file.file_size() > fs::file_size(largest))) {
      largest = file.path();
    }
  }
  std::fstream(largest, std::ios::in | std::ios::out | std::ios::binary).write("damage", 6);
  const CommandResult damaged = run_command("state --verify " + folder.state().string());
  CHECK(damaged.exit_code == 1);
  CHECK_THAT(damaged.output, Contains("DAMAGED") && Contains(largest.filename().string()));
  fs::remove(largest);
  CHECK(run_command("state " + folder.state().string()).exit_code == 1);
  CHECK(run_command("state").exit_code == 2);
}

TEST_CASE("the state command writes the newest checkpoint into a directory of its own, as a backup", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  const fs::path backup = folder.path() / "backup";
  const auto runtime = numbers.open(folder.state(), 3);
  for (const std::uint64_t step : {300U, 310U, 320U}) {  // of changes, too
    numbers.step_to(*runtime, step);
    runtime->checkpoint().get();
  }
  const std::string call = "state " + folder.state().string() + " --export " + backup.string();
  CHECK(run_command(call).exit_code == 0);
  numbers.step_to(*runtime, 330);
  runtime->checkpoint().get();
  const CommandResult again = run_command(call);
  CHECK(again.exit_code == 3);
  CHECK_THAT(again.output, Contains("already"));
  CHECK(run_command("state --verify " + backup.string()).exit_code == 0);
  const auto restored = numbers.open(backup);
  CHECK(numbers.contents(*restored) == numbers.expected(320));
  numbers.step_to(*restored, 321);
  CHECK(restored->checkpoint().get() == 321);
  const fs::path older = folder.path() / "older";
  CHECK(run_command("state " + folder.state().string() + " --step 300 --export " + older.string()).exit_code == 2);
  CHECK(run_command("state " + folder.state().string() + " --step 310 --export " + older.string()).exit_code == 0);
  CHECK(numbers.contents(*numbers.open(older)) == numbers.expected(310));
}

TEST_CASE("the state command tells checkpoints of one step apart by their numbers", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  const std::string call = "state " + folder.state().string();
  {
    const auto runtime = numbers.open(folder.state());
    numbers.step_to(*runtime, 3);
    runtime->checkpoint().get();
  }
  {
    ls::Dataflow flow;
    const auto in = flow.input<Number>("in");
    ls::Runtime runtime(
        flow, {},
        ls::checkpoints(folder.state(),
                        {.changes = {.removed = {"names", "table(names)", "group_by(in, function, count)",
                                                 "group_by(in, function, max(value))", "index(key_by(in, function))",
                                                 "contents(named)"}}}));
    runtime.checkpoint().get();
  }
  const CommandResult several = run_command(call + " --step 3");
  CHECK(several.exit_code == 2);
  CHECK_THAT(several.output, Contains("several checkpoints of step 3"));
  CHECK_THAT(run_command(call + " --step 3 --checkpoint 1").output, Contains("table(names)"));
  CHECK_THAT(run_command(call + " --checkpoint 2").output, !Contains("table(names)"));
  CHECK(run_command(call + " --checkpoint 3").exit_code == 2);
  CHECK_THAT(run_command(call + " --step -1").output, Contains("--step"));
}
