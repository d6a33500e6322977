#pragma once

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "exchange/channels.hpp"
#include "exchange/lane.hpp"
#include "exchange/route.hpp"
#include "runtime/assembly.hpp"
#include "runtime/self_test.hpp"

namespace lockstep {

/// Sends what a reader gives to the workers that a route names. Worker-local.
template <class Reader, class Route>
class Sender final : public Node {
 public:
  using R = typename Reader::Row;

  Sender(Reader reader, Lane<R>& lane, std::uint32_t number, Transport& transport, unsigned worker, unsigned workers)
      : reader_(std::move(reader)),
        lane_(lane),
        number_(number),
        transport_(transport),
        worker_(worker),
        parcels_(workers) {}

  void eval(Activation& activation) override {
    const auto workers = static_cast<unsigned>(parcels_.size());
    NodeCounters::add(counters.rows_in, reader_.size());
    // A parcel is touched when it is needed: its cache line was last at the receiver.
    const auto parcel = [&](unsigned to) -> Batch<R>& {
      if (parcels_[to] == nullptr) [[unlikely]]
        parcels_[to] = &lane_.parcel(worker_, to, activation.tick);
      return *parcels_[to];
    };
    reader_.for_each([&](auto&& row, Weight weight) {
      if constexpr (std::same_as<Route, route::ToAll>) {
        for (unsigned to = 0; to < workers; ++to) parcel(to).push_back({row, weight});
      } else {
        unsigned to = Route()(row, workers);
        if (planted(Bug::batch_goes_to_wrong_worker) && worker_ == 0 && to == 1) to = 0;
        if (planted(Bug::exchange_drops_weights)) weight = weight > 0 ? 1 : -1;
        parcel(to).push_back({std::forward<decltype(row)>(row), weight});
      }
    });
    for (unsigned to = 0; to < workers; ++to) {
      const Batch<R>* sent = std::exchange(parcels_[to], nullptr);
      if (sent == nullptr) continue;
      NodeCounters::add(counters.rows_out, sent->size());
      if (to != worker_) reached(Place::parcel_to_other_worker);
      transport_.announce(worker_, to, number_);
    }
  }

  bool has_state() const override { return false; }
  void save(unsigned, Encoder&) const override {}
  void load(Decoder&) override {}

 private:
  Reader reader_;
  Lane<R>& lane_;
  const std::uint32_t number_;
  Transport& transport_;
  const unsigned worker_;
  std::vector<Batch<R>*> parcels_;  // by receiver, of this activation; null: nothing to send
};

/// The lane `ordinal` of an operator, the same for all workers; and this worker's edge at its end.
template <class R>
struct LaneEnd {
  Lane<R>& lane;
  std::uint32_t number;
  Edge<R>& edge;
};

template <class R>
LaneEnd<R> open_lane(Assembly& assembly, const OperatorInfo& info, unsigned ordinal, unsigned level) {
  SharedAssembly& shared = assembly.shared;
  const auto key = std::make_pair(info.id, ordinal);
  if (!shared.lanes.contains(key)) {
    shared.lanes[key] = shared.transport->add_lane(std::make_unique<Lane<R>>(assembly.workers()));
  }
  const std::uint32_t number = shared.lanes[key];
  auto& lane = static_cast<Lane<R>&>(shared.transport->lane(number));
  Edge<R>& edge = assembly.make_inner_edge<R>(level + 1);
  lane.connect(assembly.worker, edge);
  return {lane, number, edge};
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
  const LaneEnd<R> end = open_lane<R>(assembly, info, ordinal, level);
  assembly.add_node(info, level,
                    std::make_unique<Sender<Reader, Route>>(reader, end.lane, end.number, *assembly.shared.transport,
                                                            assembly.worker, assembly.workers()),
                    reader);
  then(EdgeReader<R>(end.edge));
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
