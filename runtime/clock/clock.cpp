#include "runtime/clock/clock.hpp"

#include <algorithm>
#include <utility>

namespace lockstep {

Clock::Clock(std::shared_ptr<const Description> flow, const RuntimeOptions& options)
    : engine_(std::move(flow), options), state_(engine_.state()), on_failure_(options.on_failure) {}

void Clock::retire() {
  if (state_.inside()) {
    if (state_.mode() == RunState::Mode::clocked) engine_.intake().set_mode(RunState::Mode::stopping);
    retired_.store(true, std::memory_order_relaxed);
    return;
  }
  join();
  engine_.intake().shut_down();
  state_.see_waiters_off();
  destroy();
}

void Clock::destroy() {
  if (durability_ != nullptr) durability_->detach();
  end_subscriptions();
  if (state_.mode() != RunState::Mode::gone) engine_.intake().shut_down();
  if (thread_.joinable()) thread_.detach();  // it is the caller
  delete this;
}

Step Clock::step() {
  state_.refuse_inside("step()");
  const EndOfCall end{*this};
  const std::lock_guard lock(step_mutex_);
  state_.failure.rethrow_if_failed();
  if (state_.mode() != RunState::Mode::by_hand) {
    throw UsageError("the runtime is started and steps by itself; stop() it to step by hand");
  }
  return take_step(true);
}

/// REQUIRES: step_mutex_ is held.
Step Clock::take_step(bool by_hand) {
  std::erase_if(subscriptions_, [](const auto& queue) { return queue->dropped(); });
  for (const auto& queue : subscriptions_) {
    if (by_hand && queue->full()) throw UsageError("a subscription is full: take steps from it before stepping on");
  }
  try {
    for (const auto& queue : subscriptions_) queue->prepare();
    Step step = engine_.step();
    for (const auto& queue : subscriptions_) queue->push(step);
    return step;
  } catch (...) {
    engine_.fail("a subscription");  // unless it has failed already
    for (const auto& queue : subscriptions_) queue->close();
    if (by_hand) state_.failure.rethrow();
    throw StepFailed(state_.failure.error());  // nobody has been told
  }
}

void Clock::start(const StepPolicy& policy) {
  state_.refuse_inside("start()");
  const std::lock_guard lock(control_mutex_);
  state_.failure.rethrow_if_failed();
  if (state_.mode() != RunState::Mode::by_hand) throw UsageError("the runtime is started already");
  if (policy.rows == 0) throw UsageError("a step policy of 0 rows: steps have at least one");
  if (policy.every < std::chrono::nanoseconds::zero()) throw UsageError("a step policy of a negative time");
  const std::lock_guard step_lock(step_mutex_);
  engine_.intake().set_mode(RunState::Mode::clocked);
  try {
    thread_ = std::thread([this, policy] { run(policy); });
  } catch (...) {
    engine_.intake().set_mode(RunState::Mode::by_hand);
    throw;
  }
}

void Clock::stop() {
  state_.refuse_inside("stop()");
  const std::lock_guard lock(control_mutex_);
  join();
  end_subscriptions();
  if (state_.failure.failed() && !state_.failure.told()) state_.failure.rethrow();
}

/// What was accepted is stepped before.
void Clock::join() {
  if (!thread_.joinable()) return;
  engine_.intake().set_mode(RunState::Mode::stopping);
  {
    const std::lock_guard lock(step_mutex_);
    for (const auto& queue : subscriptions_) queue->wake();
  }
  thread_.join();
  engine_.intake().set_mode(RunState::Mode::by_hand);
}

void Clock::run(const StepPolicy& policy) {
  const EndOfCall end{*this};
  try {
    run_until_stopped(policy);
  } catch (...) {
    engine_.fail("the clock");  // unless it has failed already
    tell_of_failure();
  }
}

void Clock::run_until_stopped(const StepPolicy& policy) {
  Intake& intake = engine_.intake();
  const auto stopping = [this] { return state_.mode() != RunState::Mode::clocked; };
  for (;;) {
    const bool any = engine_.filling() != nullptr || intake.wait_for_rows(policy.rows, policy.every);
    if (!any && stopping()) return;
    if (!any) continue;
    std::vector<std::shared_ptr<StepQueue>> queues;
    {
      const std::lock_guard lock(step_mutex_);
      queues = subscriptions_;
    }
    for (const auto& queue : queues) queue->wait_for_room(stopping);
    const std::lock_guard lock(step_mutex_);
    take_step(false);
  }
}

/// In a frame of the step, so that the callback cannot wait for the thread that calls it.
void Clock::tell_of_failure() noexcept {
  if (!on_failure_) return;
  const StepFrame frame(state_);
  try {
    on_failure_(state_.failure.error());
  } catch (...) {  // there is nobody to tell
  }
}

void Clock::set_durability(std::shared_ptr<Durability> durability) {
  if (durability == nullptr) throw UsageError("a runtime cannot be opened on no checkpoints");
  durability->attach(*this);
  durability_ = std::move(durability);
}

std::shared_future<std::uint64_t> Clock::checkpoint(CheckpointCondition condition) {
  state_.refuse_inside("checkpoint()");
  if (durability_ == nullptr) {
    throw UsageError("the runtime was not opened on a directory, so that there is none for checkpoints");
  }
  return durability_->checkpoint(std::move(condition));
}

Metrics Clock::metrics() const {
  Metrics metrics = engine_.metrics();
  if (durability_ != nullptr) metrics.checkpoints = durability_->metrics();
  return metrics;
}

Subscription Clock::subscribe(std::size_t capacity) {
  state_.refuse_inside("subscribe()");
  if (capacity == 0) throw UsageError("a subscription needs room for one step at least");
  auto queue = std::make_shared<StepQueue>(capacity, engine_.shared_state());
  const std::lock_guard lock(step_mutex_);
  state_.failure.rethrow_if_failed();
  subscriptions_.push_back(queue);
  return Subscription(queue);
}

void Clock::end_subscriptions() {
  const std::lock_guard lock(step_mutex_);
  for (const auto& queue : subscriptions_) queue->close();
  subscriptions_.clear();
}

Snapshot Clock::snapshot() {
  return between_steps("snapshot()", [](const Engine& engine) {
    Snapshot::Pins pins;
    for (const auto& worker : engine.workers()) {
      for (const KeptContents& kept : worker->contents()) pins[kept.of].push_back(kept.pin());
    }
    return Snapshot(engine.state().completed(), engine.flow().identity.get(), std::move(pins));
  });
}

}  // namespace lockstep
