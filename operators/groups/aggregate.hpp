#pragma once

#include "operators/groups/group_by.hpp"

namespace lockstep {

/// All rows are one group.
struct NoKey {
  template <class R>
  std::tuple<> operator()(const R&) const {
    return {};
  }
};

template <class... Specification>
class Aggregate : public Named<Aggregate<Specification...>> {
 public:
  explicit Aggregate(Specification... specification) : grouping_(NoKey{}, std::move(specification)...) {}

  template <Expression E>
  [[gnu::cold]] auto apply(const E& in) const {
    return grouping_.add_to(in, this->part("aggregate", in.label(), grouping_.describe()));
  }

 private:
  Grouping<false, NoKey, Specification...> grouping_;
};

struct MakeAggregate : OperatorMaker {
  template <class... Specification>
  auto operator()(Specification... specification) const {
    static_assert(sizeof...(Specification) != 0, "lockstep: aggregate needs at least one aggregate, such as count()");
    return Aggregate<Specification...>(std::move(specification)...);
  }
};

/// The aggregates of the whole stream: one row, none while the weights sum to 0. Each worker combines its rows first.
/// State and cost: see group_by.
inline constexpr MakeAggregate aggregate{};

}  // namespace lockstep
