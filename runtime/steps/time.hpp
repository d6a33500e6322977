#pragma once

#include <cstdint>
#include <limits>

namespace lockstep {

/// The logical time of an activation: the step, and the round of a recursive scope inside it (0 outside of one).
struct Time {
  std::uint64_t step = 0;
  std::uint32_t round = 0;

  friend constexpr bool operator==(const Time&, const Time&) = default;
};

/// A point in event time, in the unit of the field that an input declares, since that one's epoch.
using Timestamp = std::int64_t;
/// Before all others: there is none. It dates no row.
inline constexpr Timestamp kNoTimestamp = std::numeric_limits<Timestamp>::min();

}  // namespace lockstep
