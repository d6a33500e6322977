#include "runtime/steps/run_state.hpp"

#include <fmt/format.h>

#include <thread>

namespace lockstep {

namespace {

constinit thread_local const StepFrame* innermost_frame = nullptr;

}  // namespace

StepFrame::StepFrame(const RunState& run) noexcept : run_(&run), outer_(innermost_frame) { innermost_frame = this; }

StepFrame::~StepFrame() { innermost_frame = outer_; }

void RunState::set_mode(Mode mode) noexcept {
  mode_.store(mode, std::memory_order_release);
  wake();
}

void RunState::complete(std::uint64_t step) noexcept {
  completed_.store(step, std::memory_order_release);
  wake();
}

/// seq_cst here and in wait_for(): either this thread sees that someone is about to sleep, or who is about to sleep
/// sees the news. (Why not notify whether or not: see Doorbell.)
void RunState::wake() noexcept {
  news_.fetch_add(1);
  if (waiters_.load() != 0) news_.notify_all();
}

void RunState::wait_for(std::uint64_t step) {
  struct Waiter {
    explicit Waiter(std::atomic<std::uint32_t>& waiters) : waiters(waiters) { waiters.fetch_add(1); }
    // Release, pairs with see_waiters_off(): the waiter is done with all that goes then.
    ~Waiter() { waiters.fetch_sub(1, std::memory_order_release); }
    std::atomic<std::uint32_t>& waiters;
  };
  const Waiter waiter(waiters_);
  for (;;) {
    const std::uint32_t seen = news_.load();
    // In this order: a stop seals all that was accepted before it changes the mode.
    const Mode mode = this->mode();
    if (completed() >= step) return;
    failure.rethrow_if_failed();
    if (mode == Mode::gone) throw UsageError("the runtime is gone");
    if (mode == Mode::by_hand && step > sealed()) {
      throw UsageError(fmt::format("step {} has not begun, and nothing but step() will begin it", step));
    }
    refuse_inside("wait()");
    news_.wait(seen, std::memory_order_acquire);
  }
}

void RunState::see_waiters_off() noexcept {
  while (waiters_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
}

bool RunState::inside() const noexcept {
  for (const StepFrame* frame = innermost_frame; frame != nullptr; frame = frame->outer_) {
    if (frame->run_ == this) return true;
  }
  return false;
}

void RunState::refuse_inside(const char* call) const {
  if (!inside()) return;
  throw UsageError(fmt::format(
      "{} was called by a function of the dataflow, in a step of the same runtime, and would wait for that step",
      call));
}

}  // namespace lockstep
