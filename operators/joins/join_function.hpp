#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include "runtime/faults/errors.hpp"
#include "runtime/graph/edge.hpp"

namespace lockstep {

/// What joins with a user's function have in common: the function keeps the key, or sees it.
template <class K, class VA, class VB, class Function>
class JoinFunction {
 public:
  static constexpr bool kKeepKey = std::is_invocable_v<Function&, const VA&, const VB&>;
  using Result = typename std::conditional_t<kKeepKey, std::invoke_result<Function&, const VA&, const VB&>,
                                             std::invoke_result<Function&, const K&, const VA&, const VB&>>::type;
  using Value = std::remove_cvref_t<Result>;
  using OutRow = std::conditional_t<kKeepKey, std::pair<K, Value>, Value>;
  using ReaderA = EdgeReader<std::pair<K, VA>>;
  using ReaderB = EdgeReader<std::pair<K, VB>>;

  JoinFunction(Function function, std::string name) : function_(std::move(function)), name_(std::move(name)) {}

 protected:
  OutRow result(const K& key, const VA& a, const VB& b) {
    try {
      if constexpr (kKeepKey) {
        OutRow row(key, std::invoke(function_, a, b));
        normalise(row.second);
        return row;
      } else {
        OutRow row(std::invoke(function_, key, a, b));
        normalise(row);
        return row;
      }
    } catch (...) {
      blame(name_, key, a, b);
    }
  }

 private:
  Function function_;
  std::string name_;
};

}  // namespace lockstep
