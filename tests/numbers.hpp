#pragma once

#include <cstdlib>
#include <filesystem>
#include <lockstep_checkpoint.hpp>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/delta_text.hpp"

// What tests of checkpoints share: a folder, and a dataflow whose state after any number of steps is known.

/// A directory that goes with the test.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lockstep-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for a test");
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path state() const { return path_ / "state"; }

 private:
  std::filesystem::path path_;
};

using Number = std::int64_t;
using Name = std::pair<Number, std::string>;

/// How often each number came, the largest one that is even and odd, and what a table calls these.
struct Numbers {
  lockstep::Dataflow flow;
  lockstep::Input<Number> in = flow.input<Number>("in");
  decltype(flow.table<Name>("", &Name::first)) names = flow.table<Name>("names", &Name::first);
  lockstep::Output<std::pair<Number, Number>> counts =
      in | lockstep::group_by([](Number n) { return n; }, lockstep::count()) |
      lockstep::output("counts", lockstep::accumulated);
  lockstep::Output<std::pair<Number, Number>> largest =
      in | lockstep::group_by([](Number n) { return n % 2; }, lockstep::max(lockstep::value)) |
      lockstep::output("largest", lockstep::accumulated);
  lockstep::Output<std::pair<Number, std::string>> named =
      in | lockstep::key_by([](Number n) { return n % 2; }) |
      lockstep::join(names, [](Number, Number n, const Name& name) { return std::pair(n, name.second); }) |
      lockstep::output("named", lockstep::accumulated);
  lockstep::Output<std::pair<Number, Name>> odd =
      names | lockstep::filter([](Number n, const Name&) { return n % 2 != 0; }) | lockstep::output("odd");

  std::unique_ptr<lockstep::Runtime> open(const std::filesystem::path& directory, unsigned workers = 2,
                                          lockstep::CheckpointOptions options = {.begin_if_empty = true}) {
    options.changes.accept_changed_functions = true;  // the victim is another executable
    return std::make_unique<lockstep::Runtime>(flow, lockstep::RuntimeOptions{.workers = workers},
                                               lockstep::checkpoints(directory, options));
  }
  /// What the runtime holds.
  std::string contents(lockstep::Runtime& runtime) const {
    const auto snapshot = runtime.snapshot();
    return std::to_string(runtime.latest().number()) + ": " + text(snapshot[counts]) + "; " + text(snapshot[largest]) +
           "; " + text(snapshot[named]);
  }
  /// The rows of a step, the same whenever it is made.
  void push(lockstep::Runtime& runtime, std::uint64_t step) const {
    std::mt19937_64 random(step);
    std::vector<lockstep::Weighted<Number>> rows;
    for (int i = 0; i < 20; ++i) rows.push_back({static_cast<Number>(random() % 200), random() % 3 == 0 ? -1 : 1});
    runtime[in].push(rows);
    runtime[names].upsert({static_cast<Number>(step % 2), "step " + std::to_string(step)});
  }
  void step_to(lockstep::Runtime& runtime, std::uint64_t last) const {
    while (runtime.latest().number() < last) {
      push(runtime, runtime.latest().number() + 1);
      runtime.step();
    }
  }
  /// What an undisturbed run holds after so many steps.
  std::string expected(std::uint64_t step) const {
    lockstep::Runtime runtime(flow);
    step_to(runtime, step);
    return contents(runtime);
  }
};
