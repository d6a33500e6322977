#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "runtime/state/limits.hpp"

namespace lockstep {

class StepFailed;

struct RuntimeOptions {
  /// Shards of all state, 1 to 1,024. Results do not depend on it.
  unsigned workers = 1;
  /// Threads that run the workers, the caller of step() among them. 0: as many as workers, but no more than the
  /// processors this process may run on.
  unsigned threads = 0;
  /// A step of fewer rows is begun by the caller of step() alone (of 64 times as many, when other threads sleep and
  /// would have to be woken); the other threads take their shares when it is not over after some 8 microseconds. In
  /// larger steps they do so at once, but what a late one has not begun when the caller has nothing else to do, the
  /// caller does. 0: they always do, at once, and the caller waits for them.
  std::size_t small_step_rows = 128;
  /// The rows of a large step are taken by the workers in pieces of at least so many, one after another, so that a
  /// worker whose thread comes late gets fewer. 0: each gets an equal part.
  std::size_t piece_rows = 4096;
  /// Binds each thread but the caller's to a processor.
  bool pin_threads = false;
  /// Bytes of rows, with what they hold on the heap, that all sessions together may stage before a push has to wait, or
  /// throws when stepping by hand. (The last piece may go beyond it.)
  std::size_t stage_bytes = std::size_t{1} << 30;
  /// A step takes about so many rows, and bytes of rows with what they hold on the heap; what is staged beyond goes
  /// into steps after it, so that a backlog becomes many steps. A transaction is never cut. 0: a step takes all that is
  /// staged.
  std::size_t step_rows = 0;
  std::size_t step_bytes = 0;
  /// A step fails in which the state of all operators (Metrics::state_bytes) grows beyond it; checkpoints stay, and the
  /// error names the operator that grew last. 0: it may hold what the machine has.
  std::size_t max_state_bytes = 0;
  /// Deterministic simulation: one thread runs one node at a time, of a worker chosen by this seed.
  std::optional<std::uint64_t> schedule_seed = std::nullopt;
  IndexLimits limits = {};
  /// Called once, by the clock of a started runtime, when a step fails: no call of the user's is there to throw. What
  /// it throws is ignored.
  std::function<void(const StepFailed&)> on_failure = {};
};

/// When a started runtime takes a step: as soon as so many rows are staged, or a row has been for so long.
struct StepPolicy {
  std::size_t rows = 10'000;
  std::chrono::nanoseconds every = std::chrono::milliseconds(1);
};

}  // namespace lockstep
