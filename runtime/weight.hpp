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

inline constexpr bool fits_weight(Int128 value) {
  return value == static_cast<Int128>(static_cast<std::int64_t>(value));
}

}  // namespace lockstep
