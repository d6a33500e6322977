#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/crew.hpp"
#include "runtime/description.hpp"
#include "runtime/failure.hpp"
#include "runtime/intake.hpp"
#include "runtime/metrics.hpp"
#include "runtime/options.hpp"
#include "runtime/saved_state.hpp"
#include "runtime/step.hpp"
#include "runtime/worker.hpp"

namespace lockstep {

/// An instantiated dataflow: workers and the threads that run them, sessions, and the sequence of steps. step(),
/// save() and pin() are called by one thread at a time; what else there is, by any.
class Engine {
 public:
  Engine(std::shared_ptr<const Description> flow, const RuntimeOptions& options);

  /// Seals what is staged and runs a step on it.
  Step step();
  /// The last complete step.
  Step latest() const;
  std::uint64_t completed() const { return completed_.load(std::memory_order_acquire); }
  /// Blocks until this step is complete or the runtime has failed.
  void wait_for(std::uint64_t step);

  SavedState save();
  /// REQUIRES: before the first step.
  void load(const SavedState& saved);

  Metrics metrics() const;

  Intake& intake() { return intake_; }
  const Intake& intake() const { return intake_; }
  Failure& failure() { return failure_; }
  const Description& flow() const { return *flow_; }
  const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }

 private:
  Step run_step();
  void wake_waiters();
  void assemble(const RuntimeOptions& options);
  void load_operator(Decoder& in, std::set<std::string>& missing);

  const std::shared_ptr<const Description> flow_;
  Failure failure_;
  Intake intake_;
  SharedAssembly shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<StepPool, StepPool::Close> pool_;
  std::unique_ptr<Crew> crew_;
  StepOrder order_;

  mutable SpinLock latest_lock_;
  Step latest_;
  std::atomic<std::uint64_t> completed_{0};
  std::atomic<std::uint32_t> news_{0};  // counts completed steps and the failure; waiters sleep on it
  std::atomic<std::uint32_t> waiters_{0};
  NodeCounters totals_;  // rows_in: rows sealed; nanoseconds: of the last step; rows_out: its rows
};

}  // namespace lockstep
