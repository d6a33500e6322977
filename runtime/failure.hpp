#pragma once

#include <atomic>
#include <mutex>
#include <optional>

#include "runtime/errors.hpp"

namespace lockstep {

/// Where the first failure of a runtime stays for good. Any thread.
class Failure {
 public:
  /// Pairs with the release in record(): who sees it failed sees the error.
  bool failed() const { return failed_.load(std::memory_order_acquire); }

  /// The first to fail is remembered.
  void record(StepFailed error) {
    const std::lock_guard lock(mutex_);
    if (error_) return;
    error_.emplace(std::move(error));
    failed_.store(true, std::memory_order_release);
  }

  /// REQUIRES: failed().
  [[noreturn]] void rethrow() const {
    const std::lock_guard lock(mutex_);
    throw StepFailed(*error_);
  }

  void rethrow_if_failed() const {
    if (failed()) rethrow();
  }

 private:
  std::atomic<bool> failed_{false};
  mutable std::mutex mutex_;
  std::optional<StepFailed> error_;
};

}  // namespace lockstep
