#pragma once

#include <algorithm>
#include <utility>

#include "operators/sets/set_operator.hpp"

namespace lockstep {

struct ExceptLaw {
  static constexpr const char* kKind = "except";
  /// Whether it is append-only if both sides are.
  static constexpr bool kGrows = false;
  static Int128 of(Weight a, Weight b) { return a > 0 && b <= 0 ? 1 : 0; }
};

struct ExceptAllLaw {
  static constexpr const char* kKind = "except_all";
  static constexpr bool kGrows = false;
  static Int128 of(Weight a, Weight b) { return a <= 0 ? 0 : std::max<Weight>(a - std::max<Weight>(b, 0), 0); }
};

struct MakeExcept : OperatorMaker {
  template <class Other>
  requires Expression<std::remove_cvref_t<Other>>
  auto operator()(Other&& other) const { return set_of<ExceptLaw>(as_operand(std::forward<Other>(other))); }
};

/// The rows that are in this stream and not in the other, each once: SQL's EXCEPT. A row is in a stream if its weight
/// is positive. State: the weights of the rows of both. O(1) per changed row.
inline constexpr MakeExcept except{};

struct MakeExceptAll : OperatorMaker {
  template <class Other>
  requires Expression<std::remove_cvref_t<Other>>
  auto operator()(Other&& other) const { return set_of<ExceptAllLaw>(as_operand(std::forward<Other>(other))); }
};

/// The rows of this stream, each as many times as it has more of it than the other: SQL's EXCEPT ALL. minus() subtracts
/// weights as they are. State and cost: see except().
inline constexpr MakeExceptAll except_all{};

}  // namespace lockstep
