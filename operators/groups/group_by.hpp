#pragma once

#include <array>
#include <optional>
#include <tuple>
#include <utility>

#include "operators/groups/combine.hpp"
#include "operators/groups/group_operator.hpp"

namespace lockstep {

/// The description shared by group_by and aggregate: lifts rows, brings each group to one worker, and keeps its
/// aggregates. `kKeepKey`: whether the result is keyed.
template <bool kKeepKey, class KeyFunction, class... Specification>
class Grouping {
 public:
  Grouping(KeyFunction key_of, Specification... specification)
      : key_of_(std::move(key_of)), specifications_(std::move(specification)...) {}

  template <Expression E>
  auto add_to(const E& in, OperatorInfo info) const {
    using R = typename E::Row;
    using K = projection::Result<E::kKeyed, KeyFunction, R>;
    static_assert(Row<K>, "lockstep: what group_by's function returns cannot be a key");
    constexpr bool kByKey = E::kKeyed && std::same_as<KeyFunction, KeyProjection>;
    return add<E, K, typename Specification::template Aggregator<E::kKeyed, kByKey, R>...>(in, std::move(info));
  }

  /// `, count, sum(amount)`.
  std::string describe() const {
    std::string text;
    std::apply([&](const auto&... one) { ((text += ", " + one.describe()), ...); }, specifications_);
    return text;
  }

 private:
  template <class E, class K, class... A>
  auto add(const E& in, OperatorInfo info) const {
    using Link = LiftLink<E::kKeyed, typename E::Row, K, KeyFunction, A...>;
    using Operator = GroupOperator<kKeepKey, K, A...>;
    using OutRow = typename Operator::OutRow;
    const Properties before = in.properties();
    const bool routed = std::same_as<KeyFunction, KeyProjection> && before.partitioning == Partitioning::by_key;
    Description& flow = *in.flow();
    info.inputs = in.edges();
    info.fused = in.fused();
    info.state = state_of<E, K, A...>(before);
    if (!routed) {
      info.exchanged_by = kKeepKey ? "key" : "gathering";
      flow.transport = &Channels::make;
    }
    OperatorInfo& added = flow.add_operator(std::move(info));
    const EdgeId out = flow.add_edge(added, row_traits<OutRow>::schema(),
                                     {.partitioning = kKeepKey ? Partitioning::by_key : Partitioning::colocated,
                                      .unique_by_key = kKeepKey,
                                      .consolidated = true,
                                      .step_dependent = before.step_dependent});
    const auto aggregators =
        std::apply([](const auto&... one) { return std::tuple<A...>(make_aggregator<A>(one)...); }, specifications_);
    added.build = [plan = in.plan(), key_of = key_of_, aggregators, id = added.id, out, routed = routed,
                   append_only = before.append_only](Assembly& assembly) {
      const OperatorInfo& self = assembly.info(id);
      auto source = plan.bind(assembly);
      ChainReader<decltype(source), Link> lifted(std::move(source), Link{key_of, aggregators, self.name});
      const auto place = [&](auto... reader) {
        auto& edge = assembly.make_edge<OutRow>(out, Assembly::level_of(reader...));
        auto& op = assembly.add(self, Operator(assembly.limits(), aggregators, append_only), edge, reader...);
        if constexpr (kKeepKey) assembly.provide_view(out, static_cast<IndexView<K, typename Operator::Result>&>(op));
      };
      if (routed) {
        place(lifted);
      } else if constexpr (Operator::kCombines) {
        combined<K, A...>(assembly, self, std::move(lifted), place);
      } else {
        exchanged<route::ByKey>(assembly, self, 0, std::move(lifted), place);
      }
    };
    if (kKeepKey) flow.indexed.insert(out);
    return StreamOf<kKeepKey, OutRow>(in.flow(), out);
  }

  template <class E, class K, class... A>
  std::string state_of(const Properties& of_rows) const {
    std::string text = row_traits<typename E::Row>::schema().to_string() + " by " + projection::name(key_of_) + ": " +
                       row_traits<K>::schema().to_string() + describe();
    if ((A::kOrdered || ...) && of_rows.append_only) text += ", of rows that are never deleted";
    return text;
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
  std::tuple<Specification...> specifications_;
};

template <class KeyFunction, class... Specification>
class GroupBy : public Named<GroupBy<KeyFunction, Specification...>> {
 public:
  explicit GroupBy(KeyFunction key_of, Specification... specification)
      : grouping_(key_of, std::move(specification)...), key_name_(projection::name(key_of)) {}

  template <Expression E>
  auto apply(const E& in) const {
    return grouping_.add_to(
        in,
        {.kind = "group_by", .name = this->name_or("group_by", in.label() + ", " + key_name_ + grouping_.describe())});
  }

 private:
  Grouping<true, KeyFunction, Specification...> grouping_;
  std::string key_name_;
};

/// Groups rows by a key and gives each group's aggregates: a keyed stream of (key, aggregate), or of (key, tuple) for
/// several. A group is there while its weights do not sum to 0. Linear aggregates (count, sum, avg) keep a few
/// words per group, ordered ones (min, max) the group's rows. O(aggregates) per changed row, O(log rows of
/// the group) for ordered ones. Rows of hot keys are combined before they are exchanged.
template <class KeyFunction, class... Specification>
auto group_by(KeyFunction key_of, Specification... specification) {
  static_assert(sizeof...(Specification) != 0, "lockstep: group_by needs at least one aggregate, such as count()");
  return GroupBy<KeyFunction, Specification...>(std::move(key_of), std::move(specification)...);
}

}  // namespace lockstep
