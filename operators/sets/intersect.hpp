#pragma once

#include <algorithm>
#include <utility>

#include "operators/sets/set_operator.hpp"

namespace lockstep {

struct IntersectLaw {
  static constexpr const char* kKind = "intersect";
  /// Whether it is append-only if both sides are.
  static constexpr bool kGrows = true;
  static Int128 of(Weight a, Weight b) { return a > 0 && b > 0 ? 1 : 0; }
};

struct IntersectAllLaw {
  static constexpr const char* kKind = "intersect_all";
  static constexpr bool kGrows = true;
  static Int128 of(Weight a, Weight b) { return std::max<Weight>(std::min(a, b), 0); }
};

struct MakeIntersect : OperatorMaker {
  template <class Other>
  requires Expression<std::remove_cvref_t<Other>>
  auto operator()(Other&& other) const { return set_of<IntersectLaw>(as_operand(std::forward<Other>(other))); }
};

/// The rows that are in both streams, each once: SQL's INTERSECT. A row is in a stream if its weight is positive.
/// State: the weights of the rows of both. O(1) per changed row.
inline constexpr MakeIntersect intersect{};

struct MakeIntersectAll : OperatorMaker {
  template <class Other>
  requires Expression<std::remove_cvref_t<Other>>
  auto operator()(Other&& other) const { return set_of<IntersectAllLaw>(as_operand(std::forward<Other>(other))); }
};

/// The rows that are in both streams, as often as in the one that has fewer: SQL's INTERSECT ALL. State and cost: see
/// intersect().
inline constexpr MakeIntersectAll intersect_all{};

}  // namespace lockstep
