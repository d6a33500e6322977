#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/threads/doorbell.hpp"

namespace lockstep {

/// A mutex that threads get in the order in which they ask for it: one that unlocks it and locks it again at once does
/// not keep others waiting for ever. Who waits longer than a moment sleeps.
class FairMutex {
 public:
  void lock() {
    const std::uint32_t mine = next_.fetch_add(1, std::memory_order_relaxed);
    for (int spins = 0;;) {
      const std::uint32_t served = served_.load(std::memory_order_acquire);
      if (served == mine) return;
      if (++spins < kSpins) {
        relax();
      } else {
        served_.wait(served, std::memory_order_acquire);
      }
    }
  }
  void unlock() {
    // seq_cst: the library's notify_all() first looks whether anybody waits. A store that is only released may be seen
    // by others after that look, and who went to sleep meanwhile is never woken.
    served_.fetch_add(1);
    served_.notify_all();
  }

  /// Whether somebody waits for it. REQUIRES: it is held.
  bool is_wanted() const { return next_.load(std::memory_order_relaxed) - served_.load(std::memory_order_relaxed) > 1; }

 private:
  static constexpr int kSpins = 200;

  std::atomic<std::uint32_t> next_{0};
  std::atomic<std::uint32_t> served_{0};
};

}  // namespace lockstep
