#pragma once

#include <type_traits>
#include <utility>

#include "exchange/exchange.hpp"
#include "runtime/flow/add_part.hpp"

// How a part reads rows that are not where it needs them. With one worker, or if they are there already, they are read
// in place, and a chain is fused into the operator.

namespace lockstep::reads {

template <class Route, class Plan>
struct Exchanged {
  static constexpr unsigned kLanes = 1;
  Plan plan;
  bool exchanges;

  template <class Then>
  [[gnu::cold]] void bind(Assembly& assembly, const OperatorInfo& self, unsigned lane, Then&& then) const {
    auto reader = plan.bind(assembly);
    if (!exchanges || !assembly.exchanges()) {
      then(std::move(reader));
    } else {
      then(exchange<Route>(assembly, self, lane, std::move(reader)));
    }
  }
};

/// That rows come to the workers at which the slots of their hashes lie, by way of an exchange.
inline void exchange_by(ReadInfo& info, const char* route) {
  info.exchanged_by = route;
  info.transport = &Channels::make;
  info.rows_are = RowsAre::at_their_slots;
}

/// Of a read that exchanges, unless rows are where the route would send them.
template <class Route, Expression E>
ReadInfo exchanged_info(const E& expression) {
  ReadInfo info = info_of(expression);
  if (!is_routed<Route>(expression.properties())) exchange_by(info, Route::kName);
  if (std::same_as<Route, route::ToAll>) info.rows_are = RowsAre::at_every_worker;
  if (std::same_as<Route, route::ToFirst>) info.rows_are = RowsAre::at_the_first;
  return info;
}

/// Each row at the worker that a route names.
template <class Route, Expression E>
auto by(const E& expression) {
  ReadInfo info = exchanged_info<Route>(expression);
  const bool exchanges = info.exchanged_by != nullptr;
  return Read<Exchanged<Route, decltype(expression.plan())>>{{expression.plan(), exchanges}, std::move(info)};
}

/// The same of an edge whose items are no rows, and which users do not see.
template <class Route, class Item>
auto edge_by(const Description& flow, EdgeId edge) {
  ReadInfo info(&flow);
  info.add_edge(edge);
  exchange_by(info, Route::kName);
  return Read<Exchanged<Route, EdgePlan<Item>>>{{{edge}, true}, std::move(info)};
}

template <bool kKeyed>
using OwnerRoute = std::conditional_t<kKeyed, route::ByKey, route::ByRow>;
template <bool kKeyed>
inline constexpr Partitioning kOwner = kKeyed ? Partitioning::by_key : Partitioning::by_row;
/// The same, as part of the text that says what an operator's state is.
template <bool kKeyed>
inline constexpr const char* kRowsByOwner = kKeyed ? "rows by key" : "rows by row";

/// Each row at the worker that owns the slot of its key, or of itself if the stream is plain.
template <Expression E>
auto by_owner(const E& expression) {
  return by<OwnerRoute<E::kKeyed>>(expression);
}
template <Expression E>
auto by_key(const E& expression) {
  return by<route::ByKey>(expression);
}
/// Equal rows at one worker, no matter which; of a keyed stream, at the one that owns the key.
template <Expression E>
auto together(const E& expression) {
  return by<std::conditional_t<E::kKeyed, route::ByKey, route::Together>>(expression);
}
/// All rows at one worker.
template <Expression E>
auto gathered(const E& expression) {
  return by<route::ToFirst>(expression);
}
/// All rows at every worker.
template <Expression E>
auto broadcast(const E& expression) {
  return by<route::ToAll>(expression);
}

}  // namespace lockstep::reads
