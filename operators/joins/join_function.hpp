#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "runtime/faults/errors.hpp"
#include "runtime/flow/part.hpp"
#include "runtime/rows/traits.hpp"

namespace lockstep {

/// What joins with a user's function have in common: the function keeps the key, or sees it. Of a side that may be
/// missing it gets an optional.
template <class Key, class A, class B, class Function, bool kMayMissA = false, bool kMayMissB = false>
class JoinFunction {
 public:
  using K = Key;
  using VA = A;
  using VB = B;
  using ArgumentA = std::conditional_t<kMayMissA, std::optional<A>, A>;
  using ArgumentB = std::conditional_t<kMayMissB, std::optional<B>, B>;
  static constexpr bool kKeepKey = std::is_invocable_v<Function&, const ArgumentA&, const ArgumentB&>;
  static constexpr bool kSeesKey = std::is_invocable_v<Function&, const K&, const ArgumentA&, const ArgumentB&>;
  using Result =
      typename std::conditional_t<kKeepKey, std::invoke_result<Function&, const ArgumentA&, const ArgumentB&>,
                                  std::invoke_result<Function&, const K&, const ArgumentA&, const ArgumentB&>>::type;
  using Value = std::remove_cvref_t<Result>;
  using OutRow = std::conditional_t<kKeepKey, std::pair<K, Value>, Value>;

  JoinFunction(Function function, OperatorName name) : function_(std::move(function)), name_(name) {}

  /// Of a side that may be missing, null if it is.
  OutRow result(const K& key, const VA* a, const VB* b) {
    try {
      if constexpr (kKeepKey) {
        OutRow row(key, std::invoke(function_, argument<kMayMissA>(a), argument<kMayMissB>(b)));
        normalise(row.second);
        return row;
      } else {
        OutRow row(std::invoke(function_, key, argument<kMayMissA>(a), argument<kMayMissB>(b)));
        normalise(row);
        return row;
      }
    } catch (...) {
      if (a == nullptr) blame(name_, key, *b);
      if (b == nullptr) blame(name_, key, *a);
      blame(name_, key, *a, *b);
    }
  }

 private:
  template <bool kMayMiss, class V>
  static decltype(auto) argument(const V* value) {
    if constexpr (kMayMiss) {
      return value == nullptr ? std::optional<V>() : std::optional<V>(*value);
    } else {
      return (*value);
    }
  }

  Function function_;
  OperatorName name_;
};

}  // namespace lockstep
