#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace lockstep {

/// What all operators' state holds, against the most that it may (RuntimeOptions::max_state_bytes). Any thread.
class StateLimit {
 public:
  explicit StateLimit(std::size_t most) : most_(most) {}

  /// When no step runs: what it holds.
  void set(std::uint64_t bytes) { bytes_.store(bytes, std::memory_order_relaxed); }
  /// After an operator has run, whose state held so much before. Throws StateTooLarge.
  void changed(std::uint64_t before, std::uint64_t after);

 private:
  const std::size_t most_;
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace lockstep
