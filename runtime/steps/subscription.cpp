#include "runtime/steps/subscription.hpp"

#include <utility>

namespace lockstep {

bool StepQueue::full() const {
  const std::lock_guard lock(mutex_);
  return !dropped_ && steps_.size() >= capacity_;
}

bool StepQueue::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void StepQueue::wait_for_room(const std::function<bool()>& give_up) const {
  std::unique_lock lock(mutex_);
  news_.wait(lock, [&] { return dropped_ || steps_.size() < capacity_ || give_up(); });
}

void StepQueue::prepare() {
  const std::lock_guard lock(mutex_);
  if (spare_.empty()) spare_.emplace_back();
}

void StepQueue::push(Step step) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (dropped_) return;
    spare_.front() = std::move(step);
    steps_.splice(steps_.end(), spare_, spare_.begin());
  }
  news_.notify_all();
}

void StepQueue::close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  news_.notify_all();
}

void StepQueue::drop() {
  {
    const std::lock_guard lock(mutex_);
    dropped_ = true;
    steps_.clear();
  }
  news_.notify_all();
}

void StepQueue::wake() {
  { const std::lock_guard lock(mutex_); }
  news_.notify_all();
}

bool StepQueue::wait_for(std::chrono::nanoseconds time) {
  std::unique_lock lock(mutex_);
  const auto any = [this] { return closed_ || !steps_.empty(); };
  if (!any()) state_->refuse_inside("the next step of a subscription");
  return news_.wait_for(lock, time, any);
}

std::optional<Step> StepQueue::pop(bool block) {
  std::optional<Step> step;
  {
    std::unique_lock lock(mutex_);
    const auto any = [this] { return closed_ || !steps_.empty(); };
    if (block && !any()) {
      state_->refuse_inside("the next step of a subscription");
      news_.wait(lock, any);
    }
    if (steps_.empty()) {
      if (closed_) state_->failure.rethrow_if_failed();
      return std::nullopt;
    }
    step = std::move(steps_.front());
    steps_.front() = Step();
    spare_.splice(spare_.end(), steps_, steps_.begin());
    if (spare_.size() > 1) spare_.pop_back();
  }
  news_.notify_all();
  return step;
}

}  // namespace lockstep
