#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "runtime/clock/crew.hpp"
#include "runtime/clock/metrics.hpp"
#include "runtime/clock/options.hpp"
#include "runtime/clock/state_limit.hpp"
#include "runtime/clock/worker.hpp"
#include "runtime/flow/description.hpp"
#include "runtime/intake/intake.hpp"
#include "runtime/steps/run_state.hpp"
#include "runtime/steps/step.hpp"

namespace lockstep {

/// An instantiated dataflow: workers and the threads that run them, sessions, and the sequence of steps. step()
/// is called by one thread at a time; what else there is, by any.
class Engine {
 public:
  Engine(std::shared_ptr<const Description> flow, const RuntimeOptions& options);

  /// Seals what is staged and runs a step on it. Whatever goes wrong, throws StepFailed.
  Step step();
  /// REQUIRES: called while an exception is handled. Records it, unless the runtime has failed already.
  void fail(const char* place) noexcept;
  /// The last complete step.
  Step latest() const;

  /// As if this were the last complete step. REQUIRES: before the first step.
  void resume_after(std::uint64_t step);
  /// When state has been loaded.
  void count_state();
  /// The first step has to make something complete. REQUIRES: before it.
  void fill(Filling filling);
  /// What it has to; null: nothing, or it has.
  const Filling* filling() const { return filling_ ? &*filling_ : nullptr; }

  /// From the first call on, steps are timed.
  Metrics metrics() const;

  /// Sealed into all steps; bytes are without what rows hold on the heap.
  struct Sealed {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
  };
  Sealed sealed() const { return {rows_.load(std::memory_order_relaxed), bytes_.load(std::memory_order_relaxed)}; }
  const IndexLimits& limits() const { return common_.limits; }
  /// That run steps.
  unsigned threads() const { return threads_; }
  RunState& state() { return *state_; }
  const RunState& state() const { return *state_; }
  const std::shared_ptr<RunState>& shared_state() const { return state_; }
  Intake& intake() { return *intake_; }
  const Description& flow() const { return *flow_; }
  const std::shared_ptr<const Description>& shared_flow() const { return flow_; }
  const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }

 private:
  Step run_step();
  void run_passes();
  void give_back_idle();
  void assemble(const RuntimeOptions& options);

  const std::shared_ptr<const Description> flow_;
  const std::shared_ptr<RunState> state_ = std::make_shared<RunState>();
  const std::shared_ptr<Intake> intake_;
  CommonAssembly common_;
  std::optional<StateLimit> limit_;  // before the workers
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<StepPool, StepPool::Close> pool_;
  std::unique_ptr<Crew> crew_;
  StepOrder order_;
  std::optional<Filling> filling_;
  unsigned threads_ = 1;

  mutable SpinLock latest_lock_;
  Step latest_;
  std::atomic<std::uint64_t> rows_{0};  // sealed into all steps
  std::atomic<std::uint64_t> bytes_{0};
  mutable std::atomic<bool> steps_are_timed_{false};
  const std::uint64_t ticks_begun_ = ticks();
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace lockstep
