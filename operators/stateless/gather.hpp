#pragma once

#include "exchange/reads.hpp"
#include "operators/stateless/collect.hpp"

namespace lockstep {

class Gather : public Named<Gather> {
 public:
  template <Expression E>
  [[gnu::cold]] auto apply(const E& in) const {
    static_assert(!E::kKeyed, "lockstep: a keyed stream lies by its key; it cannot be gathered");
    using R = typename E::Row;
    Part part = this->part("gather", in.label());
    part.runs_user_code = false;
    part.gives_what_it_reads = true;
    part.schema = in.schema();
    part.properties = in.properties();
    part.properties.partitioning = Partitioning::colocated;
    part.properties.consolidated = false;
    return add_part<Stream<R>>(
        in.flow(), std::move(part), [](const Site&) { return Collect<R>(); }, reads::gathered(in));
  }
};

struct MakeGather : OperatorMaker {
  Gather operator()() const { return {}; }
};

/// Brings all rows to one worker. No state; O(1) per row.
inline constexpr MakeGather gather{};

}  // namespace lockstep
