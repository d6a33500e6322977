#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "runtime/clock/durability.hpp"
#include "runtime/durability/program_changes.hpp"

namespace rocksdb {
class FileSystem;
}

namespace lockstep {

struct CheckpointOptions {
  /// The program's name, so that the directory of one is not taken for that of another.
  std::string application = {};
  /// Where there is no checkpoint, begin with empty state. Otherwise that throws NoCheckpoint. What is there and cannot
  /// be read is never a first start.
  bool begin_if_empty = false;
  /// Takes a checkpoint when so much time has passed since the last one was begun, or so many rows have been stepped,
  /// or so many bytes of rows, without what they hold on the heap, and there was a step. 0: not for that.
  std::chrono::nanoseconds every{0};
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  /// So many checkpoints stay; at least 1.
  unsigned keep = 3;
  /// That write. 0: as many as processors that the threads of the runtime's steps leave free, but one at least; all, if
  /// no step was made meanwhile.
  unsigned threads = 0;
  /// In what the program differs from the one that wrote the directory.
  ProgramChanges changes = {};
  /// Called by the thread that takes checkpoints, when one fails that no call asked for. The next one is tried when it
  /// is due.
  std::function<void(const CheckpointError&)> on_error = {};
  /// In the place of the real one, for tests.
  std::shared_ptr<rocksdb::FileSystem> files = {};
};

/// A directory of checkpoints, for a Runtime to go on from and to take them in:
///
///     ls::Runtime runtime(flow, {.workers = 4}, ls::checkpoints("state", {.begin_if_empty = true, .every = 10s}));
///
/// A checkpoint is the state after one complete step, whole or not there at all, whenever the process is killed. It is
/// written by other threads while steps go on, one at a time; slots of an operator that have not changed since the last
/// are not written again. The directory is locked while a runtime holds it. Throws CheckpointInUse, NoCheckpoint,
/// UnreadableCheckpoint, CheckpointError; the runtime's constructor ForeignCheckpoint too.
std::shared_ptr<Durability> checkpoints(const std::filesystem::path& directory, const CheckpointOptions& options = {});

}  // namespace lockstep
