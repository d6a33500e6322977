#pragma once

#include <optional>
#include <tuple>
#include <utility>

#include "operators/indexes/keep_index.hpp"
#include "operators/joins/join_checks.hpp"
#include "operators/joins/match_operator.hpp"
#include "operators/joins/match_options.hpp"
#include "operators/stateless/chain.hpp"
#include "runtime/flow/names.hpp"

namespace lockstep {

/// The rows of one side that have a match on the other, or those that have none.
template <class Key, class A, class B, class Matches, bool kMatched>
class SemiJoinRule : public Matches {
 public:
  using K = Key;
  using VA = A;
  using VB = B;
  using OutRow = std::pair<K, VA>;
  static constexpr bool kPairs = false;
  static constexpr bool kLoneA = !kMatched;
  static constexpr bool kLoneB = false;
  static constexpr bool kMatchedA = kMatched;

  explicit SemiJoinRule(Matches matches) : Matches(std::move(matches)) {}

  OutRow result(const K& key, const VA* a, const VB*) { return {key, *a}; }
};

template <class In>
struct KeysLink {
  using Row = std::pair<typename In::first_type, std::tuple<>>;
  static constexpr bool kKeyed = true;

  template <class Sink>
  void pass(const In& row, Weight weight, Sink& sink) {
    sink(Row{row.first, {}}, weight);
  }
};

/// A keyed stream without its values.
template <Expression E>
auto keys_of(const E& in) {
  Part part("keys", derived_name("keys", in.label()));
  part.runs_user_code = false;
  // The semi-join says that it reads no more; whether it does depends on who else keeps an index.
  part.gives_what_it_reads = true;
  part.properties = in.properties();
  part.properties.consolidated = false;
  const auto signature = in.signature();
  return Chain<E, KeysLink<typename E::Row>>(in, {}, std::move(part),
                                             signature ? std::optional(*signature + "|keys") : std::nullopt);
}

template <bool kMatched, Expression Other, class Options>
class SemiJoin : public Named<SemiJoin<kMatched, Other, Options>> {
 public:
  SemiJoin(Other other, Options options) : other_(std::move(other)), options_(std::move(options)) {}

  template <Expression E>
  [[gnu::cold]] auto apply(const E& in) const {
    if constexpr (!BothKeyed<E, Other>) {
      static_assert(BothKeyed<E, Other>, "lockstep: a join needs two keyed streams; use key_by first");
      return in;
    } else if constexpr (!SameKeys<E, Other>) {
      static_assert(SameKeys<E, Other>, "lockstep: the two streams of a join have keys of different types");
      return in;
    } else if constexpr (!Options::template fit<KeyOf<E>, ValueOf<E>, ValueOf<Other>>) {
      Options::template check<KeyOf<E>, ValueOf<E>, ValueOf<Other>>();
      return in;
    } else {
      // Without a condition, keys are all that is asked for. If their rows are not kept anyway, they need not be.
      if constexpr (!Options::kConditional) {
        if (!has_index(other_)) return add(in, keys_of(other_));
      }
      return add(in, other_);
    }
  }

 private:
  template <Expression E, Expression B>
  [[gnu::cold]] KeyedStream<KeyOf<E>, ValueOf<E>> add(const E& in, const B& other) const {
    using K = KeyOf<E>;
    using VA = ValueOf<E>;
    using VB = ValueOf<B>;
    using Matches = typename Options::Rule;
    using Rule = SemiJoinRule<K, VA, VB, Matches, kMatched>;
    if (in.flow() != other.flow()) throw_different_flows(kMatched ? "semi_join" : "anti_join");
    const auto a = index_of(in);
    const auto b = index_of(other);
    Part part = this->part(kMatched ? "semi_join" : "anti_join", a.label() + ", " + other_.label());
    part.schema = a.schema();
    part.runs_user_code = Options::kConditional;
    part.detail = Options::kText;
    part.properties = {.partitioning = Partitioning::by_key,
                       .append_only = kMatched && a.properties().append_only && b.properties().append_only,
                       .unique_by_key = a.properties().unique_by_key,
                       .consolidated = true};
    return add_part<KeyedStream<K, VA>>(
        in.flow(), std::move(part),
        [condition = options_.condition, ea = a.edge(), eb = b.edge()](const Site& site) {
          return MatchOperator<Rule>(Rule(Matches(condition, OperatorName(site.name()))), site.view<K, VA>(ea),
                                     site.view<K, VB>(eb));
        },
        reads::in_place(a), reads::in_place(b));
  }

  Other other_;
  Options options_;
};

template <bool kMatched>
struct MakeSemiJoin : OperatorMaker {
  template <class Other, MatchOption... Option>
  requires Expression<std::remove_cvref_t<Other>>
  auto operator()(Other&& other, Option... option) const {
    auto operand = as_operand(std::forward<Other>(other));
    auto options = match_options(std::move(option)...);
    return SemiJoin<kMatched, decltype(operand), decltype(options)>(std::move(operand), std::move(options));
  }
};

/// The rows of the left side, with their weights, whose key has a match on the right: the weights of the right side's
/// rows of that key sum to more than 0. A keyed stream, like the left side; it has as many of a row as the left side,
/// however many matches there are. Options: see left_join(). Both sides are indexed, as for join(), but without a
/// condition of the right side only the keys, if its rows are not indexed already. O(1) per changed row, and O(rows of
/// the key) if the key becomes matched or ceases to be.
inline constexpr MakeSemiJoin<true> semi_join{};

/// The rows of the left side that semi_join() leaves out.
inline constexpr MakeSemiJoin<false> anti_join{};

}  // namespace lockstep
