#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/faults/failure.hpp"

namespace lockstep {

/// What the parts of a runtime agree on: who steps it, which steps have been sealed and are complete, and whether it
/// has failed. Sessions and subscriptions hold it, so it may outlive the runtime. Any thread.
class RunState {
 public:
  /// `gone`: the runtime has been destroyed.
  enum class Mode : std::uint8_t { by_hand, clocked, stopping, gone };

  Failure failure;

  Mode mode() const noexcept { return mode_.load(std::memory_order_acquire); }
  bool accepts_rows() const noexcept { return mode() <= Mode::clocked && !failure.failed(); }
  /// Those who wait look again.
  void set_mode(Mode mode) noexcept;

  /// The last step whose rows have been sealed: it runs, or is complete, or has failed.
  std::uint64_t sealed() const noexcept { return sealed_.load(std::memory_order_acquire); }
  void set_sealed(std::uint64_t step) noexcept { sealed_.store(step, std::memory_order_release); }
  /// The last complete step. Pairs with complete(): a thread that sees a step complete sees all of it.
  std::uint64_t completed() const noexcept { return completed_.load(std::memory_order_acquire); }
  void complete(std::uint64_t step) noexcept;

  /// Blocks until this step is complete. Throws StepFailed if the runtime has failed, and UsageError if nothing will
  /// begin the step: it has not been sealed and the runtime is stepped by hand, be it since a stop.
  void wait_for(std::uint64_t step);
  /// Those who wait look again.
  void wake() noexcept;
  /// Blocks until nobody waits. REQUIRES: the mode is `gone`.
  void see_waiters_off() noexcept;

  /// Whether the calling thread runs a part of a step of this runtime: it is in a function of the user's.
  bool inside() const noexcept;
  /// Throws UsageError if so: a call that would wait for the step that it is made from.
  void refuse_inside(const char* call) const;

 private:
  std::atomic<Mode> mode_{Mode::by_hand};
  std::atomic<std::uint64_t> sealed_{0};
  std::atomic<std::uint64_t> completed_{0};
  std::atomic<std::uint32_t> news_{0};  // counts what waiters have to know; they sleep on it
  std::atomic<std::uint32_t> waiters_{0};
};

/// While it exists, its thread runs a part of a step. Frames nest: a function may step another runtime.
class StepFrame {
 public:
  explicit StepFrame(const RunState& run) noexcept;
  StepFrame(const StepFrame&) = delete;
  StepFrame& operator=(const StepFrame&) = delete;
  ~StepFrame();

 private:
  friend class RunState;
  const RunState* run_;
  const StepFrame* outer_;
};

}  // namespace lockstep
