#pragma once

#include <array>
#include <optional>
#include <tuple>
#include <utility>

#include "operators/groups/aggregates/count.hpp"
#include "operators/groups/combine.hpp"
#include "operators/groups/group_operator.hpp"
#include "operators/groups/kept_rows.hpp"
#include "operators/groups/lift.hpp"
#include "operators/stateless/chain.hpp"
#include "runtime/state/state_form.hpp"

namespace lockstep {

template <class E>
concept KeyedToGroup = E::kKeyed;
template <class T>
concept AggregateSpecification = requires(const T& one) {
  one.describe();
};
template <class... Specification>
concept AllAggregates = (AggregateSpecification<Specification> && ...);
/// Whether the aggregates can be applied to such rows.
template <bool kKeyed, class R, class... Specification>
concept AllFit = (Specification::template fits<kKeyed, R> && ...);
template <bool kKeyed, class R, class... Specification>
concept AllSumNumbers = (Specification::template sums_numbers<kKeyed, R> && ...);

/// The description shared by group_by and aggregate: lifts rows, brings each group to one worker, and keeps its
/// aggregates. `kKeepKey`: whether the result is keyed.
template <bool kKeepKey, class KeyFunction, class... Specification>
class Grouping {
 public:
  Grouping(KeyFunction key_of, Specification... specification)
      : key_of_(std::move(key_of)), specifications_(pack_of(std::move(specification)...)) {}

  template <Expression E>
  [[gnu::cold]] auto add_to(const E& in, Part part) const {
    using R = typename E::Row;
    if constexpr (!E::kKeyed && projection::is_key<KeyFunction>) {
      static_assert(KeyedToGroup<E>, "lockstep: ls::key is the key of a keyed stream; name a member of the row here");
      return in;
    } else if constexpr (!projection::Fits<E::kKeyed, KeyFunction, R>) {
      static_assert(
          projection::Fits<E::kKeyed, KeyFunction, R>,
          "lockstep: group_by's key function cannot be called with the rows of this stream. It gets the row of a "
          "plain stream, and of a keyed one the value, or the key and the value");
      return in;
    } else if constexpr (!AllAggregates<Specification...>) {
      static_assert(AllAggregates<Specification...>,
                    "lockstep: what is computed of the groups must be aggregates, written with parentheses: count(), "
                    "sum(&Row::member)");
      return in;
    } else if constexpr (!AllFit<E::kKeyed, R, Specification...>) {
      static_assert(
          AllFit<E::kKeyed, R, Specification...>,
          "lockstep: an aggregate's function cannot be called with the rows of this stream. It gets the row of a "
          "plain stream, and of a keyed one the value, or the key and the value");
      return in;
    } else if constexpr (!AllSumNumbers<E::kKeyed, R, Specification...>) {
      static_assert(AllSumNumbers<E::kKeyed, R, Specification...>,
                    "lockstep: sum and avg are of numbers, or of optionals of numbers");
      return in;
    } else {
      using K = projection::Result<E::kKeyed, KeyFunction, R>;
      static_assert(Row<K>, "lockstep: what group_by's function returns cannot be a key");
      constexpr bool kByKey = E::kKeyed && projection::is_key<KeyFunction>;
      return add<E, K, typename Specification::template Aggregator<E::kKeyed, kByKey, R>...>(in, std::move(part));
    }
  }

  /// `count, sum(amount)`.
  std::string describe() const {
    std::string text;
    [&]<std::size_t... i>(std::index_sequence<i...>) {
      ((text += (text.empty() ? "" : ", ") + item<i>(specifications_).describe()), ...);
    }
    (std::index_sequence_for<Specification...>());
    return text;
  }

 private:
  template <class E, class K, class... A>
  [[gnu::cold]] auto add(const E& in, Part part) const {
    using Link = LiftLink<E::kKeyed, typename E::Row, K, KeyFunction, A...>;
    using Operator = GroupOperator<kKeepKey, K, A...>;
    const Properties before = in.properties();
    part.state = "by " + projection::name(key_of_);
    if ((A::kKeepsRows || ...) && before.append_only) part.state += ", of rows that are never deleted";
    part.runs_user_code = (kKeepKey && projection::is_user_code<KeyFunction>) || (Specification::kRunsUserCode || ...);
    part.gives = describe();
    part.bound = bound_of<A...>(before, in.label());
    part.properties = {.partitioning = kKeepKey ? Partitioning::by_key : Partitioning::colocated,
                       .unique_by_key = kKeepKey,
                       .consolidated = true};
    const auto aggregators = Pack<A...>::from(
        [this]<std::size_t i, class Aggregator>() { return make_aggregator<Aggregator>(item<i>(specifications_)); });
    part.form = form_of<K, A...>(KeptRows<A...>(aggregators, !before.append_only));
    const auto make = [aggregators, append_only = before.append_only](const Site& site) {
      return Operator(site.limits(), aggregators, append_only);
    };
    ReadInfo info = reads::info_of(in);
    const bool exchanges = !projection::is_key<KeyFunction> || before.partitioning != Partitioning::by_key;
    if (exchanges) reads::exchange_by(info, kKeepKey ? "key" : "gathering");
    auto source = in.plan();
    using Plan = ChainPlan<decltype(source), Link>;
    Plan plan{std::move(source), Link{key_of_, aggregators, in.flow()->keep(part.name)}};
    using Way =
        std::conditional_t<Operator::kCombines, reads::Combined<Plan, K, A...>, reads::Exchanged<route::ByKey, Plan>>;
    return add_part<StreamOf<kKeepKey, typename Operator::OutRow>>(
        in.flow(), std::move(part), make, reads::Read<Way>{{std::move(plan), exchanges}, std::move(info)});
  }

  template <class... A>
  static std::string bound_of(const Properties& of_rows, const std::string& label) {
    if ((A::kKeepsRows || ...) && !of_rows.append_only) return "the rows of " + label;
    return "the groups of " + label;
  }

  /// Aggregates that read what another one keeps have nothing themselves, nor would that do for them alone.
  template <class K, class... A>
  Schema form_of(const KeptRows<A...>& kept) const {
    Schema form = state_form::group(derived::coding<K>());
    [&]<std::size_t... i>(std::index_sequence<i...>) {
      (form.add_field(item<i>(specifications_).describe() + (kept.keeps(i) ? "" : ", kept by another"), A::form()),
       ...);
    }
    (std::index_sequence_for<A...>());
    return form;
  }

  template <class A, class One>
  static A make_aggregator(const One& one) {
    if constexpr (std::same_as<One, Count>) {
      return A(one);
    } else {
      return A{one.projection};
    }
  }

  KeyFunction key_of_;
  Pack<Specification...> specifications_;
};

template <class KeyFunction, class... Specification>
class GroupBy : public Named<GroupBy<KeyFunction, Specification...>> {
 public:
  explicit GroupBy(KeyFunction key_of, Specification... specification)
      : grouping_(key_of, std::move(specification)...), key_name_(projection::name(key_of)) {}

  template <Expression E>
  [[gnu::cold]] auto apply(const E& in) const {
    return grouping_.add_to(in, this->part("group_by", in.label(), key_name_ + ", " + grouping_.describe()));
  }

 private:
  Grouping<true, KeyFunction, Specification...> grouping_;
  std::string key_name_;
};

struct MakeGroupBy : OperatorMaker {
  template <class KeyFunction, class... Specification>
  auto operator()(KeyFunction key_of, Specification... specification) const {
    static_assert(sizeof...(Specification) != 0, "lockstep: group_by needs at least one aggregate, such as count()");
    return GroupBy<KeyFunction, Specification...>(std::move(key_of), std::move(specification)...);
  }
};

/// Groups rows by a key and gives each group's aggregates: a keyed stream of (key, aggregate), or of (key, tuple) for
/// several. A group is there while its weights do not sum to 0. Linear aggregates (count, sum, avg) keep a few
/// words per group, ordered ones (min, max) the group's rows. O(aggregates) per changed row, O(log rows of
/// the group) for ordered ones. Rows of hot keys are combined before they are exchanged.
inline constexpr MakeGroupBy group_by{};

}  // namespace lockstep
