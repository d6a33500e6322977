#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

/// One operator at one worker since the runtime began. An operator that has its rows exchanged is there twice.
struct OperatorMetrics {
  std::string name;
  std::string kind;
  /// Tells operators of one name apart; the same for all runtimes of a dataflow.
  std::uint32_t id = 0;
  unsigned worker = 0;
  /// Whether this is its part before the exchange, which sends each row to the worker that it belongs to.
  bool sender = false;
  /// Steps in which it ran.
  std::uint64_t activations = 0;
  std::uint64_t rows_in = 0;
  std::uint64_t rows_out = 0;
  /// Running time, in nanoseconds: of large steps as taken, of small ones estimated from one in 64.
  std::uint64_t nanoseconds = 0;
  std::uint64_t state_bytes = 0;
};

/// Of a runtime that was opened on a directory.
struct CheckpointMetrics {
  /// The last one that is durable; 0: there is none.
  std::uint64_t step = 0;
  /// That it wrote, and how long that took.
  std::uint64_t bytes = 0;
  std::uint64_t nanoseconds = 0;
  /// Since the runtime began.
  std::uint64_t taken = 0;
  std::uint64_t failed = 0;
  /// Those that the policy wanted while the one before was being written, and which are begun late.
  std::uint64_t delayed = 0;
  /// What the last one failed of; empty when the next one succeeds.
  std::string last_error;
};

/// The last step.
struct StepMetrics {
  std::uint64_t step = 0;
  /// Rows sealed into it.
  std::uint64_t rows = 0;
  /// How long it took; 0 if that is not known, which it is of steps after the first call of Runtime::metrics().
  std::uint64_t nanoseconds = 0;
};

struct Metrics {
  std::vector<OperatorMetrics> operators;
  StepMetrics last_step;
  /// Over all steps.
  std::uint64_t rows = 0;
  CheckpointMetrics checkpoints;

  std::uint64_t state_bytes() const {
    std::uint64_t bytes = 0;
    for (const OperatorMetrics& one : operators) bytes += one.state_bytes;
    return bytes;
  }
  /// Running time of one worker's operators.
  std::uint64_t worker_nanoseconds(unsigned worker) const {
    std::uint64_t sum = 0;
    for (const OperatorMetrics& one : operators) sum += one.worker == worker ? one.nanoseconds : 0;
    return sum;
  }
};

}  // namespace lockstep
