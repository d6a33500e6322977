#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/clock/durability.hpp"
#include "runtime/clock/metrics.hpp"
#include "runtime/clock/options.hpp"
#include "runtime/durability/program_changes.hpp"
#include "runtime/durability/saved_state.hpp"
#include "runtime/flow/dataflow.hpp"
#include "runtime/intake/session.hpp"
#include "runtime/intake/ticket.hpp"
#include "runtime/steps/snapshot.hpp"
#include "runtime/steps/step.hpp"
#include "runtime/steps/subscription.hpp"

namespace lockstep {

class Clock;

/// A running dataflow. Rows are pushed from any thread; step() advances the clock by one, or start() has a thread do
/// so. All outputs of a step become visible together. If a step fails, it publishes nothing, and step, push
/// and wait throw the same StepFailed from then on. Any thread may call. Steps, snapshots, subscriptions, sessions and
/// ports may outlive it; to push then throws UsageError.
///
/// A function of the dataflow must not wait for the step that it is called in: step, wait, start, stop, subscribe,
/// snapshot, save and checkpoint throw UsageError there, and so does a push that would have to wait for room.
class Runtime {
 public:
  explicit Runtime(const Dataflow& flow, const RuntimeOptions& options = {});
  /// Goes on from saved state, which any number of workers may have written. Throws SavedStateError, unless the
  /// dataflow is the one that wrote it, but for the changes that are named.
  Runtime(const Dataflow& flow, const RuntimeOptions& options, const SavedState& saved,
          const ProgramChanges& changes = {});
  /// Goes on from the newest checkpoint of a directory (see Checkpoints), which any number of workers may have written,
  /// and takes checkpoints there. Throws CheckpointError.
  Runtime(const Dataflow& flow, const RuntimeOptions& options, std::shared_ptr<Durability> durability);
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  /// Like stop(), but that it does not throw: what was accepted is stepped if the runtime was started.
  ~Runtime();

  /// Where to push: `runtime[transfers].push(row)`, by the default session, in order of arrival.
  template <class Handle>
  typename Handle::Port operator[](const Handle& input) {
    return (*default_)[input];
  }

  /// A session of one's own: one ordered source. Numbers are the caller's, or in order of opening.
  std::shared_ptr<Session> open_session(std::optional<std::uint64_t> number = std::nullopt);

  /// The session of this name, which a saved runtime had, or a new one, which gets the lowest number that is free.
  std::shared_ptr<Session> open_named_session(const std::string& name);
  /// Those that are open, and those that were saved and wait for their owners.
  std::vector<SessionInfo> sessions() const;

  /// See Session::position. Of the default session.
  template <class Handle>
  std::uint64_t position(const Handle& input) {
    return default_->position(input);
  }

  /// See Session::transaction.
  template <class Function>
  Ticket transaction(Function&& function) {
    return default_->transaction(std::forward<Function>(function));
  }

  /// One tick of the clock: a step of all that is staged, be it nothing. Throws UsageError while started.
  Step step();
  /// The last complete step.
  Step latest() const;
  /// Waits until the step of a ticket is complete and returns its number. Throws UsageError when the ticket's rows are
  /// not sealed and the runtime is stepped by hand, be it since a stop.
  std::uint64_t wait(Ticket ticket);

  /// Steps from now on in a thread of its own, whenever there are rows and the policy says so, or a stage is full.
  void start(const StepPolicy& policy = {});
  /// Refuses new pushes, steps what was accepted, and goes back to stepping by hand. Subscriptions end. Throws a
  /// failure of a step that has not been thrown yet by another call. Idempotent.
  void stop();
  bool started() const;

  /// Every step from the next one on, at most `capacity` of them waiting.
  Subscription subscribe(std::size_t capacity = 16);
  /// The contents of all tables, and of the outputs that accumulate theirs, after the last complete step. O(segments of
  /// their indexes); a step copies each of those segments before it changes it first.
  Snapshot snapshot();
  /// The same, when the step of a ticket is complete, so that it shows what was pushed then; as wait().
  Snapshot snapshot(Ticket after);
  /// All state after the last complete step. Steps go on while it is written: only to pin it, in O(segments), is
  /// between them.
  SavedState save();
  /// Takes a checkpoint of the last complete step, beside those that the policy takes. Steps go on. The future has its
  /// step, when it is durable, or throws what went wrong. Throws UsageError without a directory.
  std::shared_future<std::uint64_t> checkpoint(CheckpointCondition condition = {});

  /// Steps are timed from the first call on.
  Metrics metrics() const;

 private:
  // The clock goes first, since a checkpoint that is pending has the positions of the default session, which ends with
  // it. No member is written when the runtime goes: a wait may have read it without a lock.
  std::shared_ptr<Session> default_;
  std::shared_ptr<Clock> clock_;
};

}  // namespace lockstep
