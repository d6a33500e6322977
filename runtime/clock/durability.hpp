#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>

#include "runtime/clock/metrics.hpp"

namespace lockstep {

class Clock;

/// What goes wrong with checkpoints; names the directory or file.
class CheckpointError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
/// There is no checkpoint, and nobody said that a first start is meant.
class NoCheckpoint : public CheckpointError {
 public:
  using CheckpointError::CheckpointError;
};
/// It cannot be read, or was damaged.
class UnreadableCheckpoint : public CheckpointError {
 public:
  using CheckpointError::CheckpointError;
};
/// It is of another program; names the operator or input that differs.
class ForeignCheckpoint : public CheckpointError {
 public:
  using CheckpointError::CheckpointError;
};
/// Another process has it open, or another runtime of this one.
class CheckpointInUse : public CheckpointError {
 public:
  using CheckpointError::CheckpointError;
};

/// Called when all of a checkpoint is written but its manifest, which makes it one: when it returns, it becomes one; if
/// it throws, it does not.
using CheckpointCondition = std::function<void()>;

/// What makes a runtime's state durable: the core's side of lockstep::checkpoint. Any thread.
class Durability {
 public:
  virtual ~Durability() = default;
  /// Gives the clock's engine, which has not made a step, what it goes on from, if there is anything; and takes
  /// checkpoints of it until detach(). Throws CheckpointError.
  virtual void attach(Clock& clock) = 0;
  /// When the one that is under way is over.
  virtual void detach() noexcept = 0;
  /// Takes one of the last complete step. The future has its step, when it is durable, or what went wrong.
  virtual std::shared_future<std::uint64_t> checkpoint(CheckpointCondition condition) = 0;
  virtual CheckpointMetrics metrics() const = 0;
};

}  // namespace lockstep
