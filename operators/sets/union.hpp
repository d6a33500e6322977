#pragma once

#include <algorithm>
#include <utility>

#include "operators/sets/set_operator.hpp"

namespace lockstep {

struct UnionLaw {
  static constexpr const char* kKind = "union";
  /// Whether it is append-only if both sides are.
  static constexpr bool kGrows = true;
  static Int128 of(Weight a, Weight b) { return a > 0 || b > 0 ? 1 : 0; }
};

struct UnionAllLaw {
  static constexpr const char* kKind = "union_all";
  static constexpr bool kGrows = true;
  static Int128 of(Weight a, Weight b) { return Int128{std::max<Weight>(a, 0)} + std::max<Weight>(b, 0); }
};

struct MakeUnion : OperatorMaker {
  template <class Other>
  requires Expression<std::remove_cvref_t<Other>>
  auto operator()(Other&& other) const { return set_of<UnionLaw>(as_operand(std::forward<Other>(other))); }
};

/// The rows that are in either stream, each once: SQL's UNION. A row is in a stream if its weight is positive. State:
/// the weights of the rows of both. O(1) per changed row.
inline constexpr MakeUnion union_{};

struct MakeUnionAll : OperatorMaker {
  template <class Other>
  requires Expression<std::remove_cvref_t<Other>>
  auto operator()(Other&& other) const { return set_of<UnionAllLaw>(as_operand(std::forward<Other>(other))); }
};

/// The rows of both streams, as many as there are: SQL's UNION ALL. A row whose weight is negative is not in a stream;
/// plus() adds the weights as they are, and keeps no state. State: the weights of the rows of both. O(1) per changed
/// row.
inline constexpr MakeUnionAll union_all{};

}  // namespace lockstep
