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

/// A clock that is cheap to read, of some 2 to 4 ticks a nanosecond, or one.
inline std::uint64_t ticks() {
#if defined(__x86_64__) || defined(__i386__)
  return __builtin_ia32_rdtsc();
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

/// Wakes the one thread that sleeps on it. Any thread rings; one waits. A ring before the wait is not lost.
class Doorbell {
 public:
  /// What was written before the ring is seen by whoever heard it. seq_cst here and in wait_until: either the ringer
  /// sees that someone is about to sleep, or who is about to sleep sees the ring. (To notify whether or not would be a
  /// system call as soon as anyone sleeps on an address that shares a bucket of the library's with this one.)
  void ring() {
    rings_.fetch_add(1);
    if (asleep_.load()) rings_.notify_one();
  }

  /// Whether whoever waits is asleep, so that a ring takes long to be heard. A guess: it may have changed.
  bool asleep() const { return asleep_.load(std::memory_order_relaxed); }

  /// Returns when `ready()` is true: spins (if told to), yields, then sleeps until a ring. To be woken takes some 50
  /// microseconds, so who has slept for little more than that spins longer the next time; and who is rung for before
  /// there is anything to do spins on, since it is about to come.
  template <class Ready>
  void wait_until(bool spin, Ready&& ready) {
    for (int spins = spins_;; spins = kExpectantSpins) {
      const std::uint32_t heard_awake = rings_.load(std::memory_order_relaxed);
      if (spins_or_yields_until(spin ? spins : 0, ready)) return;
      if (rings_.load(std::memory_order_relaxed) != heard_awake) continue;
      const auto before = std::chrono::steady_clock::now();
      asleep_.store(true);
      const std::uint32_t heard = rings_.load();
      const bool slept = !ready();
      if (slept) rings_.wait(heard, std::memory_order_acquire);
      asleep_.store(false, std::memory_order_relaxed);
      spins_ = std::chrono::steady_clock::now() - before < kShortSleep ? kManySpins : kFewSpins;
      if (!slept) return;
    }
  }

 private:
  template <class Ready>
  static bool spins_or_yields_until(int spins, Ready& ready) {
    for (int i = 0; i < spins; ++i) {
      if (ready()) return true;
      relax();
    }
    for (int i = 0; i < kYields; ++i) {
      if (ready()) return true;
      std::this_thread::yield();
    }
    return false;
  }

  static constexpr int kFewSpins = 2'000;
  static constexpr int kManySpins = 16'000;
  static constexpr int kExpectantSpins = 64'000;
  static constexpr std::chrono::microseconds kShortSleep{300};
  static constexpr int kYields = 4;

  int spins_ = kFewSpins;  // the waiting thread's
  alignas(64) std::atomic<std::uint32_t> rings_{0};
  std::atomic<bool> asleep_{false};
};

}  // namespace lockstep
