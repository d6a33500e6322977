#pragma once

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "exchange/channels.hpp"
#include "exchange/lane.hpp"
#include "exchange/outbox.hpp"
#include "exchange/route.hpp"
#include "runtime/flow/assembly.hpp"

namespace lockstep {

/// Sends what a reader gives to the workers that a route names. Worker-local.
template <class Reader, class Route>
class Sender final : public Node {
 public:
  using R = typename Reader::Row;

  Sender(Reader reader, Outbox<R> outbox) : reader_(std::move(reader)), outbox_(std::move(outbox)) {}

  void eval(Activation& activation) override {
    const unsigned workers = outbox_.workers();
    NodeCounters::add(counters.rows_in, reader_.size());
    reader_.for_each([&](auto&& row, Weight weight) {
      if constexpr (std::same_as<Route, route::ToAll>) {
        for (unsigned to = 0; to < workers; ++to) outbox_.parcel(to, activation.tick).push_back({row, weight});
      } else {
        const unsigned to = Route()(row, workers);
        outbox_.parcel(to, activation.tick).push_back({std::forward<decltype(row)>(row), weight});
      }
    });
    NodeCounters::add(counters.rows_out, outbox_.announce());
  }

  bool takes_pieces() const override {
    return !requires { Route::kKeepsOrder; };
  }
  bool sends() const override { return true; }
  bool has_state() const override { return false; }
  void save(unsigned, Encoder&) const override {}
  void load(Decoder&) override {}

 private:
  Reader reader_;
  Outbox<R> outbox_;
};

/// The lane `ordinal` of an operator, the same for all workers: where this worker sends, and the edge at which it finds
/// what was sent to it.
template <class R>
struct LaneEnds {
  Outbox<R> outbox;
  Edge<R>& edge;
};

template <class R>
LaneEnds<R> open_lane(Assembly& assembly, const OperatorInfo& info, unsigned ordinal, unsigned level) {
  CommonAssembly& shared = assembly.shared;
  const auto key = std::make_pair(info.id, ordinal);
  if (!shared.lanes.contains(key)) {
    shared.lanes[key] = shared.transport->add_lane(std::make_unique<Lane<R>>(assembly.workers()));
  }
  const std::uint32_t number = shared.lanes[key];
  auto& lane = static_cast<Lane<R>&>(shared.transport->lane(number));
  Edge<R>& edge = assembly.make_inner_edge<R>(level + 1);
  lane.connect(assembly.worker, edge);
  return {Outbox<R>(lane, number, *shared.transport, assembly.worker, assembly.workers()), edge};
}

/// The rows of a reader that a route sends to this worker. With one worker, that is the reader itself. `then` is
/// called with whichever reader it is.
template <class Route, class Reader, class Then>
void exchanged(Assembly& assembly, const OperatorInfo& info, unsigned ordinal, Reader reader, Then&& then) {
  if (!assembly.exchanges()) {
    then(std::move(reader));
    return;
  }
  using R = typename Reader::Row;
  const unsigned level = Assembly::level_of(reader);
  const LaneEnds<R> ends = open_lane<R>(assembly, info, ordinal, level);
  assembly.add_node(info, level, std::make_unique<Sender<Reader, Route>>(reader, ends.outbox), reader);
  then(EdgeReader<R>(ends.edge));
}

/// Whether rows are where a route would send them already.
template <class Route>
bool is_routed(const Properties& properties) {
  if constexpr (std::same_as<Route, route::ByKey>) {
    return properties.partitioning == Partitioning::by_key;
  } else if constexpr (std::same_as<Route, route::ByRow>) {
    return properties.partitioning == Partitioning::by_row;
  } else if constexpr (std::same_as<Route, route::Together>) {
    return properties.equal_rows_meet();
  } else {
    return false;
  }
}

/// Adds an operator that reads one expression by a route: `make(assembly)` gives the operator, run on what the route
/// sends to each worker. Returns its edge.
template <class Route, class OutRow, class E, class Make>
EdgeId add_exchanged(const E& expression, OperatorInfo info, Schema schema, Properties properties, Make make) {
  const bool routed = is_routed<Route>(expression.properties());
  Description& flow = *expression.flow();
  info.inputs = expression.edges();
  info.fused = expression.fused();
  if (!routed) {
    info.exchanged_by = Route::kName;
    flow.transport = &Channels::make;
  }
  OperatorInfo& added = flow.add_operator(std::move(info));
  const EdgeId out = flow.add_edge(added, std::move(schema), properties);
  added.build = [plan = expression.plan(), id = added.id, out, routed, make](Assembly& assembly) {
    const OperatorInfo& self = assembly.info(id);
    auto then = [&](auto reader) {
      const unsigned level = Assembly::level_of(reader);
      assembly.add(self, make(assembly, out), assembly.make_edge<OutRow>(out, level), std::move(reader));
    };
    if (routed) {
      then(plan.bind(assembly));
    } else {
      exchanged<Route>(assembly, self, 0, plan.bind(assembly), then);
    }
  };
  return out;
}

}  // namespace lockstep
