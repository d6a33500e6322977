#pragma once

#include <utility>

#include "exchange/reads.hpp"
#include "operators/stateless/collect.hpp"
#include "runtime/flow/names.hpp"
#include "runtime/zset/consolidate.hpp"

namespace lockstep {

/// Gathers and merges the rows of a delta, so that each appears once.
template <class R>
class ConsolidateOperator {
 public:
  template <class Reader>
  void eval(Reader& in, Batch<R>& out) {
    Collect<R>().eval(in, out);
    consolidator_.consolidate(out);
  }

 private:
  Consolidator<R> consolidator_;
};

/// The stream with each row once in a delta; the stream itself if it is so already.
template <Expression E>
[[gnu::cold]] StreamOf<E::kKeyed, typename E::Row> consolidate(const E& in) {
  using R = typename E::Row;
  auto read = reads::together(in);
  const bool together = read.info.exchanged_by == nullptr;
  if (in.properties().consolidated && together) return in.stream();
  Part part("consolidate", derived_name("consolidate", in.label()));
  part.runs_user_code = false;
  part.gives_what_it_reads = true;
  part.schema = in.schema();
  part.properties = in.properties();
  part.properties.consolidated = true;
  if (!together) part.properties.partitioning = reads::kOwner<E::kKeyed>;
  return add_part<StreamOf<E::kKeyed, R>>(
      in.flow(), std::move(part), [](const Site&) { return ConsolidateOperator<R>(); }, std::move(read));
}

}  // namespace lockstep
