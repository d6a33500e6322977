#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/faults/errors.hpp"

namespace lockstep {

/// Where the first failure of a runtime stays for good. Any thread. To record one takes no memory: what it needs is set
/// aside beforehand.
class Failure {
 public:
  /// Throws std::bad_alloc.
  Failure();

  /// The error will tell that there are checkpoints in a directory. Before the first step. Throws std::bad_alloc.
  void set_directory(std::string directory) { directory_ = std::move(directory); }
  /// The step of the last one.
  void note_checkpoint(std::uint64_t step) noexcept { checkpoint_.store(step, std::memory_order_relaxed); }

  /// Pairs with the release in record(): a thread that sees the failure sees the error.
  bool failed() const noexcept { return failed_.load(std::memory_order_acquire); }

  /// REQUIRES: called while an exception is handled. Records that exception, thrown by an operator or at another place.
  /// The first failure is remembered.
  void record_current(std::string_view place, std::uint64_t step) noexcept;
  /// Records a failure that is no exception.
  void record(std::string_view place, std::uint64_t step, std::string_view cause) noexcept;

  /// Throws the error to a caller, who is told of it. REQUIRES: failed().
  [[noreturn]] void rethrow() const;
  void rethrow_if_failed() const {
    if (failed()) [[unlikely]]
      rethrow();
  }
  /// The error. REQUIRES: failed().
  const StepFailed& error() const noexcept { return error_; }

  /// Whether rethrow() has told somebody.
  bool told() const noexcept { return told_.load(std::memory_order_relaxed); }

 private:
  using Details = StepFailed::Details;

  void record(std::string_view place, std::uint64_t step, std::string_view row, std::exception_ptr nested) noexcept;
  void record(std::string_view place, std::uint64_t step, std::string_view row, std::string_view cause,
              std::exception_ptr nested) noexcept;

  std::atomic<bool> failed_{false};
  mutable std::atomic<bool> told_{false};
  std::string directory_;
  std::atomic<std::uint64_t> checkpoint_{0};
  mutable std::mutex mutex_;
  const std::shared_ptr<Details> details_;
  const StepFailed error_;  // of details_
};

}  // namespace lockstep
