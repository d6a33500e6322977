#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/dataflow.hpp"
#include "runtime/engine.hpp"
#include "runtime/options.hpp"
#include "runtime/saved_state.hpp"
#include "runtime/session.hpp"
#include "runtime/snapshot.hpp"
#include "runtime/step.hpp"
#include "runtime/subscription.hpp"
#include "runtime/ticket.hpp"

namespace lockstep {

/// A running dataflow. Rows are pushed from any thread; step() advances the clock by one, or start() has a thread do
/// so. All outputs of a step become visible together. If a step fails, it publishes nothing, and step, push
/// and wait throw the same StepFailed from then on. Any thread may call; sessions and ports must not outlive it,
/// steps and snapshots may.
class Runtime {
 public:
  explicit Runtime(const Dataflow& flow, const RuntimeOptions& options = {});
  /// Goes on from saved state, which any number of workers may have written. Throws SavedStateError.
  Runtime(const Dataflow& flow, const RuntimeOptions& options, const SavedState& saved);
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  /// Like stop(): what was accepted is stepped if the runtime was started.
  ~Runtime();

  /// Where to push: `runtime[transfers].push(row)`, by the default session, in order of arrival.
  template <class Handle>
  typename Handle::Port operator[](const Handle& input) {
    return (*engine_.intake().default_session())[input];
  }

  /// A session of one's own: one ordered source. Numbers are the caller's, or in order of opening.
  std::shared_ptr<Session> open_session(std::optional<std::uint64_t> number = std::nullopt) {
    return engine_.intake().open(number);
  }

  /// See Session::transaction.
  template <class Function>
  Ticket transaction(Function&& function) {
    return engine_.intake().default_session()->transaction(std::forward<Function>(function));
  }

  /// One tick of the clock: a step of all that is staged, be it nothing. Throws UsageError while started.
  Step step();
  /// The last complete step.
  Step latest() const { return engine_.latest(); }
  /// Waits until the step of a ticket is complete and returns its number. Throws UsageError when stepping by hand and
  /// the ticket's rows are not sealed.
  std::uint64_t wait(Ticket ticket);

  /// Steps from now on in a thread of its own, whenever there are rows and the policy says so.
  void start(const StepPolicy& policy = {});
  /// Refuses new pushes, steps what was accepted, and goes back to stepping by hand. Idempotent.
  void stop();
  bool started() const { return engine_.intake().mode() != Intake::Mode::by_hand; }

  /// Every step from the next one on, at most `capacity` of them waiting.
  Subscription subscribe(std::size_t capacity = 16);
  /// The contents of the outputs that accumulate them, after the last complete step. O(segments of their indexes).
  Snapshot snapshot();
  /// All state after the last complete step. Throws UsageError if two operators with state have the same name.
  SavedState save();

  Metrics metrics() const { return engine_.metrics(); }

 private:
  void run_clock(const StepPolicy& policy);
  Step take_step(bool by_hand);
  void close_subscriptions();

  Engine engine_;

  std::mutex step_mutex_;     // held by whoever steps, saves, pins or subscribes
  std::mutex control_mutex_;  // held by start and stop
  std::vector<std::shared_ptr<StepQueue>> subscriptions_;
  std::thread clock_;
};

}  // namespace lockstep
