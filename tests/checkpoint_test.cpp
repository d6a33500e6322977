#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <lockstep_checkpoint.hpp>
#include <set>
#include <thread>

#include "runtime/durability/store/checkpoint_store.hpp"
#include "runtime/durability/store/directory_lock.hpp"
#include "tests/delta_text.hpp"
#include "tests/numbers.hpp"

// A directory of checkpoints, from what is in it to what is not.

namespace ls = lockstep;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

TEST_CASE("a runtime goes on from its directory, on any number of workers", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  std::uint64_t step = 0;
  for (const unsigned workers : {1U, 4U, 3U, 1U}) {
    const auto runtime = numbers.open(folder.state(), workers);
    CHECK(runtime->latest().number() == step);
    CHECK(numbers.contents(*runtime) == numbers.expected(step));
    numbers.step_to(*runtime, step += 5);
    CHECK(runtime->checkpoint().get() == step);
    CHECK(runtime->metrics().checkpoints.step == step);
    numbers.step_to(*runtime, step + 3);  // which are lost
  }
}

TEST_CASE("a directory gives the same state however often a runtime is opened on it", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  {
    const auto runtime = numbers.open(folder.state());
    numbers.step_to(*runtime, 7);
    runtime->checkpoint().get();
  }
  std::set<std::string> ends;
  for (int round = 0; round < 5; ++round) {
    const auto runtime = numbers.open(folder.state());
    numbers.step_to(*runtime, 12);
    ends.insert(numbers.contents(*runtime));
  }
  CHECK(ends == std::set<std::string>{numbers.expected(12)});
}

TEST_CASE("sessions go on at their positions after a restart", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  {
    const auto runtime = numbers.open(folder.state());
    const auto session = runtime->open_session(5);
    (*session)[numbers.in].push(1);
    (*session)[numbers.in].push(2);
    runtime->step();
    runtime->checkpoint().get();
  }
  const auto runtime = numbers.open(folder.state());
  const auto session = runtime->open_session(5);
  CHECK(session->position(numbers.in) == 2);
  CHECK(runtime->position(numbers.in) == 0);  // of the default session
  (*session)[numbers.in].push(3, ls::Weight{1} << 40);
  CHECK(session->position(numbers.in) == 3);
  const auto step = runtime->step();
  const auto rejected = step[ls::ledger(numbers.in)].sorted();
  REQUIRE(rejected.size() == 1);
  CHECK(rejected[0].row.session == 5);
  CHECK(rejected[0].row.position == 2);
}

TEST_CASE("a checkpoint that is pending while its runtime goes has the positions of the default session",
          "[checkpoint]") {
  Numbers numbers;
  for (int round = 0; round < 20; ++round) {
    const Folder folder;
    std::shared_future<std::uint64_t> done;
    {
      const auto runtime = numbers.open(folder.state());
      for (Number n = 0; n < 1000; ++n) (*runtime)[numbers.in].push(n);
      runtime->step();
      done = runtime->checkpoint();
    }
    CHECK(done.get() == 1);
    CHECK(numbers.open(folder.state())->position(numbers.in) == 1000);
  }
}

TEST_CASE("a directory that is moved or replaced under its runtime gets no checkpoint, and harms no other",
          "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  const fs::path moved = folder.path() / "moved";
  {
    const auto runtime = numbers.open(folder.state());
    numbers.step_to(*runtime, 2);
    runtime->checkpoint().get();
    numbers.step_to(*runtime, 4);
    fs::rename(folder.state(), moved);
    CHECK_THROWS_WITH(runtime->checkpoint().get(), Contains("moved"));
    fs::create_directory(folder.state());
    fs::copy(moved, folder.state(), fs::copy_options::recursive);
    CHECK_THROWS_AS(runtime->checkpoint().get(), ls::CheckpointError);
  }
  for (const fs::path& path : {folder.state(), moved}) {
    const auto runtime = numbers.open(path);
    CHECK(runtime->latest().number() == 2);
    CHECK(numbers.contents(*runtime) == numbers.expected(2));
  }
}

TEST_CASE("a first start leaves alone what is not of checkpoints", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  for (const char* name : {"store", "incoming"}) {
    fs::create_directories(folder.state() / name);
    std::ofstream(folder.state() / name / "precious") << "mine";
    CHECK_THROWS_AS(numbers.open(folder.state()), ls::UnreadableCheckpoint);
    CHECK(fs::exists(folder.state() / name / "precious"));
    fs::remove_all(folder.state());
  }
  CHECK_THROWS_AS(ls::checkpoints(""), ls::UsageError);
}

TEST_CASE("an error of the last checkpoint is forgotten when one succeeds, be there nothing to write", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  const auto runtime = numbers.open(folder.state());
  numbers.step_to(*runtime, 2);
  CHECK(runtime->checkpoint().get() == 2);
  CHECK_THROWS(runtime->checkpoint([] { throw std::runtime_error("not yet"); }).get());
  CHECK(runtime->metrics().checkpoints.last_error == "not yet");
  CHECK(runtime->checkpoint().get() == 2);
  CHECK(runtime->metrics().checkpoints.last_error.empty());
}

TEST_CASE("what is not there, not readable, of another program or in use are four different errors", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  CHECK_THROWS_AS(ls::checkpoints(folder.state()), ls::NoCheckpoint);
  CHECK_FALSE(fs::exists(folder.state()));
  {
    const auto runtime = numbers.open(folder.state(), 2, {.application = "one", .begin_if_empty = true});
    numbers.step_to(*runtime, 2);
    CHECK_THROWS_WITH(ls::checkpoints(folder.state()), Contains(folder.state().string()));
    CHECK_THROWS_AS(ls::checkpoints(folder.state()), ls::CheckpointInUse);
  }
  CHECK_THROWS_AS(ls::checkpoints(folder.state()), ls::NoCheckpoint);  // none was taken
  {
    const auto runtime = numbers.open(folder.state(), 2, {.application = "one", .begin_if_empty = true});
    numbers.step_to(*runtime, 2);
    runtime->checkpoint().get();
  }
  CHECK_THROWS_AS(numbers.open(folder.state(), 2, {.application = "another"}), ls::ForeignCheckpoint);
  CHECK_THROWS_WITH(numbers.open(folder.state(), 2, {.application = "another"}), Contains("'one'"));
  {
    ls::Dataflow other;
    const auto in = other.input<Number>("in");
    const auto names = other.table<std::pair<Number, std::string>>("names", &std::pair<Number, std::string>::first);
    (void)(in | ls::group_by([](Number n) { return n; }, ls::count()) | ls::output("counts"));
    const auto open = [&] { ls::Runtime(other, {}, ls::checkpoints(folder.state(), {.application = "one"})); };
    CHECK_THROWS_AS(open(), ls::ForeignCheckpoint);
    CHECK_THROWS_WITH(open(), Contains("has an operator"));
  }
  CHECK_NOTHROW(numbers.open(folder.state(), 2, {.application = "one"}));
  fs::remove(folder.state() / "store" / "CURRENT");
  const auto open = [&] { numbers.open(folder.state(), 2, {.application = "one", .begin_if_empty = true}); };
  CHECK_THROWS_AS(open(), ls::UnreadableCheckpoint);
  CHECK_THROWS_WITH(open(), Contains("CURRENT"));
}

TEST_CASE("steps go on while a checkpoint is written, and what they do is not in it", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  std::promise<void> go;
  {
    const auto runtime = numbers.open(folder.state());
    numbers.step_to(*runtime, 4);
    std::promise<void> held;
    auto done = runtime->checkpoint([&] {
      held.set_value();
      go.get_future().wait();
    });
    held.get_future().wait();  // all is written but the manifest
    numbers.step_to(*runtime, 9);
    CHECK(runtime->metrics().checkpoints.taken == 0);
    go.set_value();
    CHECK(done.get() == 4);
  }
  CHECK(numbers.contents(*numbers.open(folder.state())) == numbers.expected(4));
}

TEST_CASE("a checkpoint whose condition throws is none, and the next one is one", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  {
    const auto runtime = numbers.open(folder.state());
    numbers.step_to(*runtime, 3);
    runtime->checkpoint().get();
    numbers.step_to(*runtime, 4);
    auto refused = runtime->checkpoint([] { throw std::runtime_error("not committed"); });
    CHECK_THROWS_WITH(refused.get(), "not committed");
    CHECK(runtime->metrics().checkpoints.failed == 1);
    CHECK_THAT(runtime->metrics().checkpoints.last_error, Contains("not committed"));
  }
  CHECK(numbers.contents(*numbers.open(folder.state())) == numbers.expected(3));
  {
    const auto runtime = numbers.open(folder.state());
    numbers.step_to(*runtime, 6);
    CHECK_THROWS(runtime->checkpoint([] { throw 7; }).get());
    CHECK(runtime->checkpoint().get() == 6);
    CHECK(runtime->metrics().checkpoints.last_error.empty());
  }
  CHECK(numbers.contents(*numbers.open(folder.state())) == numbers.expected(6));
}

TEST_CASE("the error of a failed step says from which checkpoint to go on", "[checkpoint]") {
  const Folder folder;
  ls::Dataflow flow;
  const auto in = flow.input<Number>("in");
  const auto refuse = [](Number n) { return n == 13 ? throw std::domain_error("thirteen") : true; };
  (void)(in | ls::filter(refuse) | ls::output("out"));
  const auto fail = [&](int steps) {
    ls::Runtime runtime(flow, {}, ls::checkpoints(folder.state(), {.begin_if_empty = true}));
    for (int i = 0; i < steps; ++i) {
      runtime[in].push(i);
      runtime.step();
    }
    if (steps > 1) runtime.checkpoint().get();
    runtime[in].push(13);
    runtime.step();
  };
  const std::string where = folder.state().string();
  CHECK_THROWS_WITH(fail(1), Contains("thirteen; there is no checkpoint of a step in " + where));
  CHECK_THROWS_WITH(fail(2), Contains("thirteen; the last checkpoint is of step 2, in " + where));
  CHECK_THROWS_WITH(fail(0), Contains("thirteen; the last checkpoint is of step 2, in " + where));
  CHECK_THROWS_WITH(fail(3), Contains("thirteen; the last checkpoint is of step 5, in " + where));
}

TEST_CASE("the last few checkpoints stay, and records that only older ones had go", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  {
    const auto runtime = numbers.open(folder.state(), 2, {.begin_if_empty = true, .keep = 2});
    for (std::uint64_t step = 1; step <= 6; ++step) {
      numbers.step_to(*runtime, step);
      runtime->checkpoint().get();
    }
  }
  const ls::CheckpointStore store(folder.state(), ls::CheckpointStore::Access::reader, false);
  REQUIRE(store.manifests().size() == 2);
  CHECK(store.manifests()[0].step == 6);
  CHECK(store.manifests()[1].step == 5);
  CHECK(store.records() == [&] {
    std::set<std::tuple<std::uint32_t, unsigned, std::uint64_t>> needed;
    for (const auto& manifest : store.manifests()) {
      for (const auto& op : manifest.operators) {
        for (const auto& record : op.records) needed.insert({op.id, record.slot, record.number});
      }
    }
    return needed.size();
  }());
}

TEST_CASE("a runtime that lets go of a directory in a condition of its own leaves it to the next one", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  const auto directory = ls::checkpoints(folder.state(), {.begin_if_empty = true});
  const auto open = [&] {
    return std::make_unique<ls::Runtime>(numbers.flow, ls::RuntimeOptions{.workers = 2}, directory);
  };
  for (std::uint64_t step = 3; step < 30; step += 3) {
    auto runtime = open();
    numbers.step_to(*runtime, step);
    bool refused = false;
    auto done = runtime->checkpoint([&] {
      runtime.reset();
      try {
        open();
      } catch (const ls::UsageError&) {
        refused = true;
      }
    });
    CHECK(done.get() == step);
    const auto after = open();
    CHECK(refused);
    CHECK(after->latest().number() == step);
    CHECK(numbers.contents(*after) == numbers.expected(step));
  }
}

TEST_CASE("a directory is held against other processes, but not by a child that was forked meanwhile", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  auto runtime = numbers.open(folder.state());
  int to_child[2];
  REQUIRE(pipe(to_child) == 0);
  const pid_t child = fork();
  if (child == 0) {
    bool refused = false;
    try {
      ls::DirectoryLock lock(folder.state());
    } catch (const ls::CheckpointInUse&) {
      refused = true;
    }
    char byte = 0;
    close(to_child[1]);
    while (read(to_child[0], &byte, 1) < 0) {
    }
    _exit(refused ? 0 : 1);
  }
  runtime.reset();
  CHECK_NOTHROW(numbers.open(folder.state()));  // while the child lives
  close(to_child[0]);
  close(to_child[1]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("a runtime may go in one of its own steps, or in a condition, and the directory is free then",
          "[checkpoint]") {
  const Folder folder;
  ls::Dataflow flow;
  std::unique_ptr<ls::Runtime> runtime;
  const auto in = flow.input<Number>("in");
  (void)(in | ls::inspect([&](Number, ls::Weight) { runtime.reset(); }));
  (void)(in | ls::group_by(ls::value, ls::count()) | ls::output("counts"));
  const auto open = [&] {
    runtime = std::make_unique<ls::Runtime>(flow, ls::RuntimeOptions{},
                                            ls::checkpoints(folder.state(), {.begin_if_empty = true}));
  };
  SECTION("in a step, while a checkpoint waits for its end") {
    open();
    (*runtime)[in].push(1);
    std::shared_future<std::uint64_t> checkpoint;
    checkpoint = runtime->checkpoint([&] { std::this_thread::sleep_for(5ms); });
    runtime->step();
    CHECK(runtime == nullptr);
    CHECK(checkpoint.wait_for(60s) == std::future_status::ready);
  }
  SECTION("in a condition") {
    open();
    auto checkpoint = runtime->checkpoint([&] { runtime.reset(); });
    CHECK(checkpoint.get() == 0);
  }
  SECTION("in a condition, with another checkpoint asked for, which is refused") {
    open();
    std::promise<void> asked;
    auto checkpoint = runtime->checkpoint([&] {
      asked.get_future().wait();
      runtime.reset();
    });
    auto another = runtime->checkpoint();
    asked.set_value();
    CHECK(checkpoint.get() == 0);
    CHECK_THROWS_AS(another.get(), ls::UsageError);
  }
  for (int i = 0; i < 1000; ++i) {  // its thread may be about to end
    try {
      open();
      break;
    } catch (const ls::CheckpointInUse&) {
      std::this_thread::sleep_for(1ms);
    }
  }
  CHECK(runtime != nullptr);
}
