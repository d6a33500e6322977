#pragma once

#include <cstdint>

namespace lockstep {

/// The logical time of an activation: the step, and the round of a recursive scope inside it (0 outside of one).
struct Time {
  std::uint64_t step = 0;
  std::uint32_t round = 0;

  friend constexpr bool operator==(const Time&, const Time&) = default;
};

}  // namespace lockstep
