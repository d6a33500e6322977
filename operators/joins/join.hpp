#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "operators/indexes/keep_index.hpp"
#include "operators/joins/join_checks.hpp"
#include "operators/joins/join_operator.hpp"
#include "operators/joins/join_unique.hpp"
#include "operators/joins/match_options.hpp"
#include "operators/stateless/filter.hpp"
#include "runtime/flow/names.hpp"

namespace lockstep {

template <Expression Other, class Function>
class Join : public Named<Join<Other, Function>> {
 public:
  Join(Other other, Function function) : other_(std::move(other)), function_(std::move(function)) {}

  template <Expression E>
  [[gnu::cold]] auto apply(const E& in) const {
    if constexpr (!BothKeyed<E, Other>) {
      static_assert(BothKeyed<E, Other>, "lockstep: a join needs two keyed streams; use key_by first");
      return in;
    } else if constexpr (!SameKeys<E, Other>) {
      static_assert(SameKeys<E, Other>, "lockstep: the two streams of a join have keys of different types");
      return in;
    } else if constexpr (!OfTwoValues<Function, KeyOf<E>, ValueOf<E>, ValueOf<Other>>) {
      static_assert(OfTwoValues<Function, KeyOf<E>, ValueOf<E>, ValueOf<Other>>,
                    "lockstep: join's function can be called neither with the two values nor with the key and the two "
                    "values");
      return in;
    } else {
      using K = KeyOf<E>;
      using VA = ValueOf<E>;
      using VB = ValueOf<Other>;
      using Joined = JoinFunction<K, VA, VB, Function>;
      using OutRow = typename Joined::OutRow;
      static_assert(Row<OutRow>, "lockstep: what join's function returns cannot be a row");
      if (in.flow() != other_.flow()) throw_different_flows("join");
      const auto a = index_of(in);
      const auto b = index_of(other_);
      Part part = this->part("join", a.label() + ", " + b.label());
      const Properties pa = a.properties();
      const Properties pb = b.properties();
      const bool unique = pa.unique_by_key && pb.unique_by_key;
      part.properties = {.partitioning = Joined::kKeepKey ? Partitioning::by_key : Partitioning::none,
                         .append_only = pa.append_only && pb.append_only,
                         .unique_by_key = Joined::kKeepKey && unique,
                         .consolidated = Joined::kKeepKey && unique};
      const auto add = [&]<class Operator>(std::type_identity<Operator>) {
        return add_part<StreamOf<Joined::kKeepKey, OutRow>>(
            in.flow(), part,
            [function = function_, ea = a.edge(), eb = b.edge()](const Site& site) {
              return Operator(function, OperatorName(site.name()), site.view<K, VA>(ea), site.view<K, VB>(eb));
            },
            reads::in_place(a), reads::in_place(b));
      };
      if (unique) return add(std::type_identity<UniqueJoinOperator<K, VA, VB, Function>>());
      return add(std::type_identity<JoinOperator<K, VA, VB, Function>>());
    }
  }

 private:
  Other other_;
  Function function_;
};

/// Whether a key is there.
struct IsPresent {
  template <class K, class V>
  bool operator()(const K& key, const V&) const {
    return key.has_value();
  }
};

/// The rows whose key is there: the same expression for all who ask, so that they share its index.
template <Expression E>
auto present(const E& in) {
  using Link = FilterLink<true, typename E::Row, IsPresent>;
  Part part("filter", derived_name("present", in.label()));
  part.detail = "present";
  part.runs_user_code = false;
  part.properties = in.properties();
  const OperatorName name = in.flow()->keep(part.name);
  const auto signature = in.signature();
  return Chain<E, Link>(in, Link{{}, name}, std::move(part),
                        signature ? std::optional(*signature + "|present") : std::nullopt);
}

template <Expression Other, class Function>
class JoinOfPresent : public Named<JoinOfPresent<Other, Function>> {
 public:
  JoinOfPresent(Other other, Function function) : other_(std::move(other)), function_(std::move(function)) {}

  template <Expression E>
  [[gnu::cold]] auto apply(const E& in) const {
    static_assert(NullableKey<KeyOf<E>>, "lockstep: nulls_never_match is for keys that are optionals");
    return this->called_alike(Join(present(other_), function_)).apply(present(in));
  }

 private:
  Other other_;
  Function function_;
};

struct MakeJoin : OperatorMaker {
  template <class Other, class Function>
  requires Expression<std::remove_cvref_t<Other>>
  auto operator()(Other&& other, Function function) const {
    return Join(as_operand(std::forward<Other>(other)), std::move(function));
  }
  template <class Other, class Function>
  requires Expression<std::remove_cvref_t<Other>>
  auto operator()(Other&& other, Function function, NullsNeverMatch) const {
    return JoinOfPresent(as_operand(std::forward<Other>(other)), std::move(function));
  }
  template <class Other>
  auto operator()(const Other&) const {
    static_assert(std::is_void_v<Other>,
                  "lockstep: a join needs a function of the two values, or of the key and the two values: join(other, "
                  "function)");
  }
};

/// All pairs of rows with equal keys, their weights multiplied. A function of the two values gives a keyed stream of
/// (key, result); a function of the key and the two values a plain stream of results. Both sides are indexed, each
/// once however many joins read it, or not at all if the operator before keeps an index already (group_by,
/// tables). O(matches) per changed row. With
/// `nulls_never_match`, rows whose key is an empty optional match nothing.
inline constexpr MakeJoin join{};

}  // namespace lockstep
