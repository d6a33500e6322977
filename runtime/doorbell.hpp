#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace lockstep {

inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

/// Wakes the one thread that sleeps on it. Any thread rings; one waits. A ring before the wait is not lost.
class Doorbell {
 public:
  /// What was written before the ring is seen by whoever heard it: release, pairs with the acquire in wait_until.
  void ring() {
    rings_.fetch_add(1, std::memory_order_release);
    rings_.notify_one();
  }

  /// Returns when `ready()` is true: spins (if told to), yields, then sleeps between rings. To be woken takes some 50
  /// microseconds, so who has slept for little more than that spins longer the next time.
  template <class Ready>
  void wait_until(bool spin, Ready&& ready) {
    for (int i = 0; spin && i < spins_; ++i) {
      if (ready()) return;
      relax();
    }
    for (int i = 0; i < kYields; ++i) {
      if (ready()) return;
      std::this_thread::yield();
    }
    const auto before = std::chrono::steady_clock::now();
    for (;;) {
      const std::uint32_t heard = rings_.load(std::memory_order_acquire);
      if (ready()) break;
      rings_.wait(heard, std::memory_order_acquire);
    }
    spins_ = std::chrono::steady_clock::now() - before < kShortSleep ? kManySpins : kFewSpins;
  }

 private:
  static constexpr int kFewSpins = 2'000;
  static constexpr int kManySpins = 16'000;
  static constexpr std::chrono::microseconds kShortSleep{300};
  static constexpr int kYields = 4;

  int spins_ = kFewSpins;  // the waiting thread's
  alignas(64) std::atomic<std::uint32_t> rings_{0};
};

}  // namespace lockstep
