#include "runtime/runtime.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lockstep {

// A runtime keeps a copy of the flow as it is now, whatever is added to it later.
Runtime::Runtime(const Dataflow& flow, const RuntimeOptions& options)
    : engine_(std::make_shared<const Description>(*flow.description()), options) {}

Runtime::Runtime(const Dataflow& flow, const RuntimeOptions& options, const SavedState& saved)
    : Runtime(flow, options) {
  engine_.load(saved);
}

Runtime::~Runtime() {
  stop();
  close_subscriptions();
}

Step Runtime::step() {
  const std::lock_guard lock(step_mutex_);
  engine_.failure().rethrow_if_failed();
  if (started()) throw UsageError("the runtime is started and steps by itself; stop() it to step by hand");
  return take_step(true);
}

/// REQUIRES: step_mutex_ is held.
Step Runtime::take_step(bool by_hand) {
  std::erase_if(subscriptions_, [](const auto& queue) { return queue->dropped(); });
  for (const auto& queue : subscriptions_) {
    if (by_hand && queue->full()) throw UsageError("a subscription is full: take steps from it before stepping on");
  }
  try {
    Step step = engine_.step();
    for (const auto& queue : subscriptions_) queue->push(step);
    return step;
  } catch (const StepFailed& failure) {
    for (const auto& queue : subscriptions_) queue->close(failure);
    throw;
  }
}

std::uint64_t Runtime::wait(Ticket ticket) {
  engine_.failure().rethrow_if_failed();
  if (ticket.step > engine_.intake().sealed_step() && !started() && engine_.completed() < ticket.step) {
    throw UsageError(fmt::format("step {} has not begun, and nothing but step() will begin it", ticket.step));
  }
  engine_.wait_for(ticket.step);
  return ticket.step;
}

void Runtime::start(const StepPolicy& policy) {
  const std::lock_guard lock(control_mutex_);
  engine_.failure().rethrow_if_failed();
  if (started()) throw UsageError("the runtime is started already");
  if (policy.rows == 0) throw UsageError("a step policy of 0 rows");
  const std::lock_guard step_lock(step_mutex_);
  engine_.intake().set_mode(Intake::Mode::clocked);
  clock_ = std::thread([this, policy] { run_clock(policy); });
}

void Runtime::stop() {
  const std::lock_guard lock(control_mutex_);
  if (!clock_.joinable()) return;
  engine_.intake().set_mode(Intake::Mode::stopping);
  {
    const std::lock_guard subscriptions_lock(step_mutex_);
    for (const auto& queue : subscriptions_) queue->wake();
  }
  clock_.join();
  engine_.intake().set_mode(Intake::Mode::by_hand);
}

void Runtime::run_clock(const StepPolicy& policy) {
  Intake& intake = engine_.intake();
  try {
    for (;;) {
      const bool any = intake.wait_for_rows(policy.rows, policy.every);
      const bool stopping = intake.mode() != Intake::Mode::clocked;
      if (!any && stopping) return;
      if (!any) continue;
      std::vector<std::shared_ptr<StepQueue>> queues;
      {
        const std::lock_guard lock(step_mutex_);
        queues = subscriptions_;
      }
      for (const auto& queue : queues) {
        queue->wait_for_room([&intake] { return intake.mode() != Intake::Mode::clocked; });
      }
      const std::lock_guard lock(step_mutex_);
      take_step(false);
    }
  } catch (const StepFailed&) {
    // It is remembered, and thrown to whoever calls next.
  }
}

Subscription Runtime::subscribe(std::size_t capacity) {
  if (capacity == 0) throw UsageError("a subscription needs room for one step at least");
  auto queue = std::make_shared<StepQueue>(capacity);
  const std::lock_guard lock(step_mutex_);
  engine_.failure().rethrow_if_failed();
  subscriptions_.push_back(queue);
  return Subscription(queue);
}

void Runtime::close_subscriptions() {
  const std::lock_guard lock(step_mutex_);
  for (const auto& queue : subscriptions_) queue->close(std::nullopt);
}

Snapshot Runtime::snapshot() {
  const std::lock_guard lock(step_mutex_);
  Snapshot::Pins pins;
  engine_.failure().rethrow_if_failed();
  for (const auto& worker : engine_.workers()) {
    for (const Accumulator& accumulator : worker->accumulators()) {
      pins[accumulator.output].push_back(accumulator.pin());
    }
  }
  return {engine_.completed(), engine_.flow().identity.get(), std::move(pins)};
}

SavedState Runtime::save() {
  const std::lock_guard lock(step_mutex_);
  return engine_.save();
}

}  // namespace lockstep
