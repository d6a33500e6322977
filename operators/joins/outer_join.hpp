#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "operators/indexes/keep_index.hpp"
#include "operators/joins/join_checks.hpp"
#include "operators/joins/join_function.hpp"
#include "operators/joins/match_operator.hpp"
#include "operators/joins/match_options.hpp"

namespace lockstep {

/// The matching pairs, and of the sides that are kept the rows that are not matched, the other side missing.
template <class K, class VA, class VB, class Function, class Matches, bool kKeepA, bool kKeepB>
class OuterJoinRule : public JoinFunction<K, VA, VB, Function, kKeepB, kKeepA>, public Matches {
 public:
  using Joined = JoinFunction<K, VA, VB, Function, kKeepB, kKeepA>;
  static constexpr bool kPairs = true;
  static constexpr bool kLoneA = kKeepA;
  static constexpr bool kLoneB = kKeepB;
  static constexpr bool kMatchedA = false;

  OuterJoinRule(Function function, Matches matches, OperatorName name)
      : Joined(std::move(function), name), Matches(std::move(matches)) {}
};

template <bool kMayMiss, class V>
using Maybe = std::conditional_t<kMayMiss, std::optional<V>, V>;

/// Which sides an outer join keeps.
struct KeepLeft {
  static constexpr const char* kKind = "left_join";
  template <bool kFits>
  static void check_function() {
    static_assert(
        kFits,
        "lockstep: left_join's function can be called neither with the two values nor with the key and the two "
        "values; the value of the right side is a std::optional");
  }
  static constexpr bool kA = true;
  static constexpr bool kB = false;
};
struct KeepRight {
  static constexpr const char* kKind = "right_join";
  template <bool kFits>
  static void check_function() {
    static_assert(
        kFits,
        "lockstep: right_join's function can be called neither with the two values nor with the key and the two "
        "values; the value of the left side is a std::optional");
  }
  static constexpr bool kA = false;
  static constexpr bool kB = true;
};
struct KeepBoth {
  static constexpr const char* kKind = "full_join";
  template <bool kFits>
  static void check_function() {
    static_assert(
        kFits,
        "lockstep: full_join's function can be called neither with the two values nor with the key and the two "
        "values; both values are std::optionals");
  }
  static constexpr bool kA = true;
  static constexpr bool kB = true;
};

template <class Keep, Expression Other, class Function, class Options>
class OuterJoin : public Named<OuterJoin<Keep, Other, Function, Options>> {
 public:
  OuterJoin(Other other, Function function, Options options)
      : other_(std::move(other)), function_(std::move(function)), options_(std::move(options)) {}

  template <Expression E>
  [[gnu::cold]] auto apply(const E& in) const {
    if constexpr (!BothKeyed<E, Other>) {
      static_assert(BothKeyed<E, Other>, "lockstep: a join needs two keyed streams; use key_by first");
      return in;
    } else if constexpr (!SameKeys<E, Other>) {
      static_assert(SameKeys<E, Other>, "lockstep: the two streams of a join have keys of different types");
      return in;
    } else if constexpr (!OfTwoValues<Function, KeyOf<E>, Maybe<Keep::kB, ValueOf<E>>,
                                      Maybe<Keep::kA, ValueOf<Other>>>) {
      Keep::template check_function<
          OfTwoValues<Function, KeyOf<E>, Maybe<Keep::kB, ValueOf<E>>, Maybe<Keep::kA, ValueOf<Other>>>>();
      return in;
    } else if constexpr (!Options::template fit<KeyOf<E>, ValueOf<E>, ValueOf<Other>>) {
      Options::template check<KeyOf<E>, ValueOf<E>, ValueOf<Other>>();
      return in;
    } else {
      using K = KeyOf<E>;
      using VA = ValueOf<E>;
      using VB = ValueOf<Other>;
      using Joined = JoinFunction<K, VA, VB, Function, Keep::kB, Keep::kA>;
      static_assert(Row<typename Joined::OutRow>, "lockstep: what an outer join's function returns cannot be a row");
      using Matches = typename Options::Rule;
      using Rule = OuterJoinRule<K, VA, VB, Function, Matches, Keep::kA, Keep::kB>;

      if (in.flow() != other_.flow()) throw_different_flows(Keep::kKind);
      const auto a = index_of(in);
      const auto b = index_of(other_);
      Part part = this->part(Keep::kKind, a.label() + ", " + b.label());
      part.detail = Options::kText;
      const bool unique = Joined::kKeepKey && a.properties().unique_by_key && b.properties().unique_by_key;
      part.properties = {.partitioning = Joined::kKeepKey ? Partitioning::by_key : Partitioning::none};
      // Where keys alone do not decide, two rows of a key may both be without a match.
      part.properties.unique_by_key = unique && Options::kKeysDecide;
      return add_part<StreamOf<Joined::kKeepKey, typename Joined::OutRow>>(
          in.flow(), std::move(part),
          [function = function_, condition = options_.condition, ea = a.edge(), eb = b.edge()](const Site& site) {
            const OperatorName name(site.name());
            return MatchOperator<Rule>(Rule(function, Matches(condition, name), name), site.view<K, VA>(ea),
                                       site.view<K, VB>(eb));
          },
          reads::in_place(a), reads::in_place(b));
    }
  }

 private:
  Other other_;
  Function function_;
  Options options_;
};

template <class Keep>
struct MakeOuterJoin : OperatorMaker {
  template <class Other>
  auto operator()(const Other&) const {
    static_assert(std::is_void_v<Other>,
                  "lockstep: an outer join needs a function of the two values, or of the key and the two values: "
                  "left_join(other, function)");
  }
  template <class Other, class Function, MatchOption... Option>
  requires Expression<std::remove_cvref_t<Other>>
  auto operator()(Other&& other, Function function, Option... option) const {
    auto operand = as_operand(std::forward<Other>(other));
    auto options = match_options(std::move(option)...);
    return OuterJoin<Keep, decltype(operand), Function, decltype(options)>(std::move(operand), std::move(function),
                                                                           std::move(options));
  }
};

/// All pairs of rows with equal keys, and the rows of the left side that have no match: function(a, b), or
/// function(key, a, b), gets a std::optional of b's value, which then is empty. Weights of pairs are multiplied; a row
/// is matched iff the weights of its matches sum to more than 0. A function of the two values gives a keyed stream of
/// (key, result), one of the key and the two values a plain stream of results. Options: `matching(condition)`,
/// `nulls_never_match` (a row whose key is null has no match, and is kept). Both sides are indexed, as for join().
/// O(rows out) per changed row; with a condition, O(rows of the key on the one side times those on the other).
inline constexpr MakeOuterJoin<KeepLeft> left_join{};

/// The same with the rows of the right side kept: the optional is of a's value. See left_join().
inline constexpr MakeOuterJoin<KeepRight> right_join{};

/// The same with the rows of both sides kept: the function gets two optionals, one of which may be empty. See
/// left_join().
inline constexpr MakeOuterJoin<KeepBoth> full_join{};

}  // namespace lockstep
