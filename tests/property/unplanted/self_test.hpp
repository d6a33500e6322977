#pragma once

#include <array>
#include <atomic>
#include <cstdint>

// For property tests of the engine as it is, without bugs and counters in it: what plant.py makes for its copy.

namespace lockstep {

inline constexpr const char* kBugNames[] = {"none"};
inline constexpr const char* kPlaceNames[] = {"(counted in the copy alone)"};
inline std::atomic<int> active_bug{0};
inline std::array<std::atomic<std::uint64_t>, 1> places_reached{};

}  // namespace lockstep
