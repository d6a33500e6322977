#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "operators/joins/join_checks.hpp"
#include "runtime/faults/errors.hpp"
#include "runtime/flow/part.hpp"
#include "runtime/rows/shape.hpp"

// What a user may add to a join: when two rows of equal keys match.

namespace lockstep {

struct NullsNeverMatch {};
/// As in SQL: rows whose key is an empty optional match nothing. `join(other, function, nulls_never_match)`.
inline constexpr NullsNeverMatch nulls_never_match{};

template <class Condition>
struct Matching {
  Condition condition;
};
/// Two rows of equal keys match only if condition(a, b), or condition(key, a, b), is true of their values too: SQL's
/// `ON a.key = b.key AND ...`. It must be the same for the same values each time.
template <class Condition>
Matching<Condition> matching(Condition condition) {
  return {std::move(condition)};
}

struct NoCondition {};

/// When rows of equal keys match: always, or by a condition; and whether null keys do.
template <class Condition, bool kNullsNeverMatch>
class MatchRule {
 public:
  static constexpr bool kConditional = !std::is_same_v<Condition, NoCondition>;

  MatchRule(Condition condition, OperatorName name) : condition_(std::move(condition)), name_(name) {}

  template <class K>
  static bool may_match(const K& key) {
    if constexpr (kNullsNeverMatch) return key.has_value();
    return true;
  }
  template <class K, class VA, class VB>
  bool matches(const K& key, const VA& a, const VB& b) {
    try {
      if constexpr (std::is_invocable_v<Condition&, const VA&, const VB&>) {
        return std::invoke(condition_, a, b);
      } else {
        return std::invoke(condition_, key, a, b);
      }
    } catch (...) {
      blame(name_, key, a, b);
    }
  }

 private:
  Condition condition_;
  OperatorName name_;
};

template <class Option>
concept MatchOption = std::is_same_v<Option, NullsNeverMatch> || shape::is_instance<Option, Matching>;

template <class Condition, class K, class VA, class VB>
concept ConditionOf = std::is_invocable_r_v<bool, Condition&, const VA&, const VB&> ||
    std::is_invocable_r_v<bool, Condition&, const K&, const VA&, const VB&>;

/// The options of a join as they were given, in any order.
template <class Condition, bool kNullsNeverMatch>
struct MatchOptions {
  static constexpr bool kConditional = !std::is_same_v<Condition, NoCondition>;
  /// Whether rows of equal keys always match.
  static constexpr bool kKeysDecide = !kConditional && !kNullsNeverMatch;

  Condition condition;

  /// What they say, beside the condition.
  static constexpr const char* kText = kNullsNeverMatch ? "nulls never match" : "";

  template <class K>
  static constexpr bool kKeyFits = !kNullsNeverMatch || NullableKey<K>;
  template <class K, class VA, class VB>
  static constexpr bool kConditionFits = !kConditional || ConditionOf<Condition, K, VA, VB>;
  template <class K, class VA, class VB>
  static constexpr bool fit = kKeyFits<K>&& kConditionFits<K, VA, VB>;

  template <class K, class VA, class VB>
  static void check() {
    static_assert(kKeyFits<K>, "lockstep: nulls_never_match is for keys that are optionals");
    static_assert(
        kConditionFits<K, VA, VB>,
        "lockstep: the condition of a join can be called neither with the two values nor with the key and the "
        "two values, or does not return a bool");
  }

  using Rule = MatchRule<Condition, kNullsNeverMatch>;

  template <class Function>
  auto with(Matching<Function> option) const {
    static_assert(std::is_same_v<Condition, NoCondition>, "lockstep: a join has two conditions; make them one");
    return MatchOptions<Function, kNullsNeverMatch>{std::move(option.condition)};
  }
  auto with(NullsNeverMatch) const { return MatchOptions<Condition, true>{condition}; }
};

inline auto match_options() { return MatchOptions<NoCondition, false>{}; }
template <class Last, class... Before>
auto match_options(Last last, Before... before) {
  return match_options(std::move(before)...).with(std::move(last));
}

}  // namespace lockstep
