#pragma once

#include <cstdint>

namespace lockstep::property {

/// Runs cases with each planted bug active until one fails, crashes or hangs, each bug in a process of its own, and
/// prints how many it took. Returns whether all were caught within so many cases.
bool catches_planted_bugs(std::uint64_t seed, std::uint64_t cases);

}  // namespace lockstep::property
