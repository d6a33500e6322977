#pragma once

#include <atomic>
#include <thread>

#include "runtime/threads/doorbell.hpp"

namespace lockstep {

/// A lock for a few instructions at a time, which is what staging a row takes; waiters spin, then yield.
class SpinLock {
 public:
  void lock() {
    for (int tries = 0; locked_.exchange(true, std::memory_order_acquire); ++tries) {
      while (locked_.load(std::memory_order_relaxed)) {
        tries < kSpins ? relax() : std::this_thread::yield();
        ++tries;
      }
    }
  }
  bool try_lock() { return !locked_.exchange(true, std::memory_order_acquire); }
  /// Release: what was done under the lock is seen by the next to acquire it.
  void unlock() { locked_.store(false, std::memory_order_release); }

 private:
  static constexpr int kSpins = 64;
  std::atomic<bool> locked_{false};
};

}  // namespace lockstep
