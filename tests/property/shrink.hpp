#pragma once

#include <chrono>
#include <functional>

#include "tests/property/case.hpp"

namespace lockstep::property {

/// A smaller case that fails too, found greedily: without operators, steps, pushes, with lower weights and plainer
/// rows and knobs, as long as there is time.
Case shrink(Case one, const std::function<bool(const Case&)>& fails, std::chrono::seconds time);

}  // namespace lockstep::property
