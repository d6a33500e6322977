#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace lockstep::tests {

/// The sum of value times weight over the divisor, in rational arithmetic, to the nearest double, ties to even. All
/// values finite.
double exactly_rounded(const std::vector<std::pair<double, std::int64_t>>& items, std::int64_t divisor);

}  // namespace lockstep::tests
