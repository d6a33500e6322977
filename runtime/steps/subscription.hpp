#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>

#include "runtime/steps/run_state.hpp"
#include "runtime/steps/step.hpp"

namespace lockstep {

/// Steps on their way from a runtime to one subscriber: a bounded queue. Any thread.
class StepQueue {
 public:
  StepQueue(std::size_t capacity, std::shared_ptr<const RunState> state)
      : capacity_(capacity), state_(std::move(state)) {}

  bool full() const;
  bool dropped() const;
  /// Blocks while it is full, unless it is dropped or `give_up()` is true.
  void wait_for_room(const std::function<bool()>& give_up) const;
  /// Sets memory aside for the next step.
  void prepare();
  /// REQUIRES: prepare() before each.
  void push(Step step) noexcept;
  /// No more steps will come: the runtime has been stopped, or is gone, or has failed.
  void close() noexcept;
  /// The subscriber has gone.
  void drop();
  /// Makes those who wait look again.
  void wake();

  /// Blocks until pop() would not, but not for longer. Whether it would not.
  bool wait_for(std::chrono::nanoseconds time);
  /// The next step; none when it is closed and drained, or when it is empty and must not block. Throws StepFailed if it
  /// was closed since the runtime has failed.
  std::optional<Step> pop(bool block);

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  mutable std::condition_variable news_;
  const std::shared_ptr<const RunState> state_;
  std::list<Step> steps_;
  std::list<Step> spare_;  // empty steps, for push()
  bool closed_ = false;
  bool dropped_ = false;
};

/// Every step from the time of subscribing on, in order. Steps wait in a bounded queue: while it is full, a started
/// runtime waits, and one stepped by hand refuses to step. Ends when the runtime is stopped, or gone, or has failed.
class Subscription {
 public:
  explicit Subscription(std::shared_ptr<StepQueue> queue) : queue_(std::move(queue)) {}
  Subscription(Subscription&&) = default;
  Subscription& operator=(Subscription&& other) noexcept {
    std::swap(queue_, other.queue_);
    return *this;
  }
  ~Subscription() {
    if (queue_ != nullptr) queue_->drop();
  }

  /// Blocks for the next step. Nothing after the last step of a runtime that has been stopped, or is gone; StepFailed
  /// after the last step of one that failed.
  std::optional<Step> next() { return queue_->pop(true); }
  /// Blocks until next() would not, but not for longer. Whether it would not.
  bool wait_for(std::chrono::nanoseconds time) { return queue_->wait_for(time); }
  /// The next step if there is one already.
  std::optional<Step> try_next() { return queue_->pop(false); }

 private:
  std::shared_ptr<StepQueue> queue_;
};

}  // namespace lockstep
