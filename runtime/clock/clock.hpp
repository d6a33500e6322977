#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/clock/durability.hpp"
#include "runtime/clock/engine.hpp"
#include "runtime/clock/options.hpp"
#include "runtime/steps/snapshot.hpp"
#include "runtime/steps/step.hpp"
#include "runtime/steps/subscription.hpp"
#include "runtime/threads/fair_mutex.hpp"

namespace lockstep {

/// Steps an engine, by hand or in a thread of its own, and shows its steps to subscriptions and snapshots. Any thread.
/// What its functions do is told at Runtime, which is its face.
class Clock {
 public:
  Clock(std::shared_ptr<const Description> flow, const RuntimeOptions& options);
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  /// Stops and destroys it; if called by a function of the user's in one of its steps, when the step is over.
  void retire();

  Engine& engine() { return engine_; }

  Step step();
  void start(const StepPolicy& policy);
  void stop();
  /// Restores from it, and lets it take checkpoints. Before the first step.
  void set_durability(std::shared_ptr<Durability> durability);
  std::shared_future<std::uint64_t> checkpoint(CheckpointCondition condition);
  Metrics metrics() const;
  Subscription subscribe(std::size_t capacity);
  Snapshot snapshot();
  /// Calls function(engine) when no step runs. `call`: what a user called, for errors.
  template <class Function>
  auto between_steps(const char* call, Function&& function) {
    state_.refuse_inside(call);
    const std::lock_guard lock(step_mutex_);
    state_.failure.rethrow_if_failed();
    return function(engine_);
  }
  /// Waits until nobody else captures state, for as long as this is held: a table is captured by one at a time.
  std::unique_lock<std::mutex> capturing(const char* call) {
    state_.refuse_inside(call);
    return std::unique_lock(capture_mutex_);
  }
  const FairMutex& step_mutex() const { return step_mutex_; }
  /// The same as between_steps(), also when a step has failed.
  template <class Function>
  void while_no_step_runs(Function&& function) {
    const std::lock_guard lock(step_mutex_);
    function();
  }

 private:
  ~Clock() = default;

  /// At the end of a call that steps: destroys the clock if it was retired meanwhile.
  struct EndOfCall {
    Clock& clock;
    ~EndOfCall() {
      if (clock.retired_.load(std::memory_order_relaxed)) clock.destroy();
    }
  };

  void destroy();
  void run(const StepPolicy& policy);
  void run_until_stopped(const StepPolicy& policy);
  Step take_step(bool by_hand);
  void tell_of_failure() noexcept;
  void join();
  void end_subscriptions();

  Engine engine_;
  RunState& state_;
  const std::function<void(const StepFailed&)> on_failure_;
  std::shared_ptr<Durability> durability_;

  FairMutex step_mutex_;      // held by whoever steps, pins, captures or subscribes
  std::mutex capture_mutex_;  // held by whoever captures, taken before step_mutex_
  std::mutex control_mutex_;  // held by start and stop
  std::vector<std::shared_ptr<StepQueue>> subscriptions_;
  std::thread thread_;
  std::atomic<bool> retired_{false};
};

}  // namespace lockstep
