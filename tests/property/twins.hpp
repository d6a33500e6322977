#pragma once

#include "tests/property/oracle.hpp"

// Every operator again, from scratch, in a few lines over std::map.

namespace lockstep::property {

/// -0.0 becomes +0.0, every NaN the one.
Rec canonical(Rec row);
void add(Facts& facts, std::int64_t key, const Rec& row, Int128 weight);
/// a + sign * b.
Facts sum_of(const Facts& a, const Facts& b, int sign);

/// What an operator makes of its inputs' contents; `a_before`: those of the first one after the step before.
Facts through(const OpSpec& op, const Facts& a, const Facts& b, const Facts& a_before);

}  // namespace lockstep::property
