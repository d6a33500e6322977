#pragma once

#include "exchange/exchange.hpp"
#include "operators/stateless/chain.hpp"

namespace lockstep {

/// A stream that goes somewhere else and is otherwise the same.
template <class Route>
class Moved : public Named<Moved<Route>> {
 public:
  explicit Moved(const char* kind) : kind_(kind) {}

  template <Expression E>
  auto apply(const E& in) const {
    static_assert(!E::kKeyed, "lockstep: a keyed stream lies by its key; it cannot be gathered");
    using R = typename E::Row;
    Properties properties = in.properties();
    properties.partitioning = Partitioning::colocated;
    properties.consolidated = false;
    OperatorInfo info{.kind = kind_, .name = this->name_or(kind_, in.label())};
    const EdgeId edge = add_exchanged<Route, R>(in, std::move(info), in.schema(), properties,
                                                [](Assembly&, EdgeId) { return Collect<R>(); });
    return Stream<R>(in.flow(), edge);
  }

 private:
  const char* kind_;
};

/// Brings all rows to one worker. No state; O(1) per row.
inline auto gather() { return Moved<route::ToFirst>("gather"); }

}  // namespace lockstep
