#pragma once

#include <string>
#include <utility>

#include "operators/groups/group_state.hpp"
#include "runtime/flow/part.hpp"
#include "runtime/flow/projection.hpp"

namespace lockstep {

/// Turns rows into what their group needs of them.
template <bool kKeyedIn, class In, class K, class KeyFunction, class... A>
struct LiftLink {
  using Row = LiftedRow<K, A...>;
  static constexpr bool kKeyed = true;

  KeyFunction key_of;
  Pack<A...> aggregators;
  OperatorName name;

  template <class Sink>
  void pass(const In& row, Weight weight, Sink& sink) {
    K key = projection::guarded<kKeyedIn>(name, key_of, row);
    normalise(key);
    const auto lift = [&]<std::size_t i, class Lifted>() -> Lifted { return item<i>(aggregators).lift(name, row); };
    sink(Row{std::move(key), decltype(Row::second)::from(lift)}, weight);
  }
};

}  // namespace lockstep
