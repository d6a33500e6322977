#pragma once

#include <array>
#include <string_view>

#ifdef LOCKSTEP_PLANTED_BUGS
#include <atomic>
#endif

// Bugs that are planted on purpose, to see that the tests catch them. Each sits where it would sit if it were real.
// Without the build option LOCKSTEP_PLANTED_BUGS, planted() is false at compile time and nothing is left of them.

namespace lockstep {

enum class Bug {
  none,
  distinct_never_retracts,
  join_keeps_both_deltas,
  join_takes_deltas_twice,
  count,  // how many there are
};

#ifdef LOCKSTEP_PLANTED_BUGS
inline std::atomic<Bug> active_bug{Bug::none};
inline bool planted(Bug bug) { return active_bug.load(std::memory_order_relaxed) == bug; }
#else
constexpr bool planted(Bug) { return false; }
#endif

}  // namespace lockstep
