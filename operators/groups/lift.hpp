#pragma once

#include <string>
#include <tuple>
#include <utility>

#include "operators/groups/group_state.hpp"
#include "runtime/flow/projection.hpp"

namespace lockstep {

/// Turns rows into what their group needs of them.
template <bool kKeyedIn, class In, class K, class KeyFunction, class... A>
struct LiftLink {
  using Row = LiftedRow<K, A...>;
  static constexpr bool kKeyed = true;

  KeyFunction key_of;
  std::tuple<A...> aggregators;
  std::string name;

  template <class Sink>
  void pass(const In& row, Weight weight, Sink& sink) {
    K key = projection::guarded<kKeyedIn>(name, key_of, row);
    normalise(key);
    std::apply([&](A&... one) { sink(Row{std::move(key), {one.lift(name, row)...}}, weight); }, aggregators);
  }
};

}  // namespace lockstep
