#include "runtime/subscription.hpp"

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

void StepQueue::push(Step step) {
  {
    const std::lock_guard lock(mutex_);
    if (dropped_) return;
    steps_.push_back(std::move(step));
  }
  news_.notify_all();
}

void StepQueue::close(std::optional<StepFailed> failure) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
    failure_ = std::move(failure);
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

std::optional<Step> StepQueue::pop(bool block) {
  std::optional<Step> step;
  {
    std::unique_lock lock(mutex_);
    if (block) news_.wait(lock, [this] { return closed_ || !steps_.empty(); });
    if (!steps_.empty()) {
      step = std::move(steps_.front());
      steps_.pop_front();
    } else if (failure_) {
      throw StepFailed(*failure_);
    }
  }
  if (step) news_.notify_all();
  return step;
}

}  // namespace lockstep
