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

  Sender(Reader reader, Outbox<R> outbox) : reader_(std::move(reader)), outbox_(std::move(outbox)) {
    takes_pieces_ = !requires { Route::kKeepsOrder; };
    sends_ = true;
  }

  [[gnu::cold]] ~Sender() override = default;

  void eval(Activation& activation) override {
    const unsigned workers = outbox_.workers();
    NodeCounters::add(counters.rows_in, reader_.size());
    reader_.for_each([&](auto&& row, Weight weight) {
      if constexpr (std::same_as<Route, route::ToAll>) {
        for (unsigned to = 0; to < workers; ++to) outbox_.parcel(to, activation.beat).push_back({row, weight});
      } else {
        const unsigned to = Route()(row, workers);
        outbox_.parcel(to, activation.beat).push_back({std::forward<decltype(row)>(row), weight});
      }
    });
    NodeCounters::add(counters.rows_out, outbox_.announce());
  }

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
[[gnu::cold]] LaneEnds<R> open_lane(Assembly& assembly, const OperatorInfo& info, unsigned ordinal, unsigned level) {
  const std::uint32_t number =
      assembly.lane(info, ordinal, [](unsigned workers) -> LaneBase* { return new Lane<R>(workers); });
  Transport& transport = *assembly.common.transport;
  auto& lane = static_cast<Lane<R>&>(transport.lane(number));
  Edge<R>& edge = assembly.make_inner_edge<R>(level + 1);
  lane.connect(assembly.worker, edge);
  return {Outbox<R>(lane, number, transport, assembly.worker, assembly.workers()), edge};
}

/// The rows of a reader that a route sends to this worker: a reader of what arrives. REQUIRES: there are peers.
template <class Route, class Reader>
[[gnu::cold]] EdgeReader<typename Reader::Row> exchange(Assembly& assembly, const OperatorInfo& info, unsigned lane,
                                                        Reader reader) {
  using R = typename Reader::Row;
  const unsigned level = Assembly::level_of(reader);
  const LaneEnds<R> ends = open_lane<R>(assembly, info, lane, level);
  assembly.add_node(info, level, new Sender<Reader, Route>(reader, ends.outbox), reader);
  return EdgeReader<R>(ends.edge);
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

}  // namespace lockstep
