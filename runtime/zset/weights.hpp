#pragma once

#include <cstdint>

namespace lockstep {

/// How many copies of a row: negative means deletion.
using Weight = std::int64_t;

/// Wide enough for any sum of weights in one step.
__extension__ using Int128 = __int128;

/// A pushed row whose weight is beyond this, in absolute value, goes to the ledger.
inline constexpr Weight kMaxPushedWeight = Weight{1} << 31;

/// One row of a delta. A batch of these is a Z-set once equal rows are merged.
template <class R>
struct Weighted {
  R row;
  Weight weight;
};

template <class R>
Weighted(R, Weight) -> Weighted<R>;

/// Adds modulo 2^n, for an integer of n bits. Returns the carry: the true sum is that many times 2^n more. Carries of
/// one sum that cancel within a step are as if they had never been (DESIGN: overflow is judged at the end of the step).
template <class Integer>
int add_wrapping(Integer& sum, Integer value) {
  const bool wrapped = __builtin_add_overflow(sum, value, &sum);
  if (wrapped) [[unlikely]]
    return value > 0 ? 1 : -1;
  return 0;
}

inline constexpr bool fits_weight(Int128 value) {
  return value == static_cast<Int128>(static_cast<std::int64_t>(value));
}

}  // namespace lockstep
