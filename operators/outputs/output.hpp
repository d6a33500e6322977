#pragma once

#include <memory>
#include <string>
#include <utility>

#include "operators/outputs/consolidate.hpp"
#include "operators/outputs/contents.hpp"
#include "runtime/steps/step.hpp"

namespace lockstep {

struct Accumulated {};
/// Makes an output keep its contents, so that snapshots can show them: `output("balance", accumulated)`.
inline constexpr Accumulated accumulated{};

/// Publishes an edge whose deltas are consolidated.
template <class R>
OutputId publish(Description& flow, std::string name, EdgeId edge) {
  return flow.add_output({std::move(name), edge, flow.edges[edge].schema,
                          [](unsigned workers) -> OutputPartsBase* { return new OutputParts<R>(workers); }});
}

template <bool kAccumulated>
class OutputMaker {
 public:
  explicit OutputMaker(std::string name) : name_(checked_name("name of an output", std::move(name))) {}

  template <Expression E>
  [[gnu::cold]] auto apply(const E& in) const {
    using R = typename E::Row;
    const auto stream = consolidate(in);
    const OutputId id = publish<R>(*in.flow(), name_, stream.edge());
    if constexpr (kAccumulated) keep_contents(stream, id, name_);
    return Output<R>(in.flow()->identity, id, name_);
  }

 private:
  std::string name_;
};

struct MakeOutput : OperatorMaker {
  OutputMaker<false> operator()(std::string name) const { return OutputMaker<false>(std::move(name)); }
  OutputMaker<true> operator()(std::string name, Accumulated) const { return OutputMaker<true>(std::move(name)); }
  template <class... Wrong>
  requires(sizeof...(Wrong) == 0 || !(std::convertible_to<Wrong, std::string> || ...)) auto operator()(
      const Wrong&...) const {
    static_assert(sizeof...(Wrong) != sizeof...(Wrong), "lockstep: an output needs a name: output(\"balances\")");
  }
};

/// Publishes a stream: `step[output]` is its delta, each row once. With `accumulated`, its contents are kept for
/// snapshots. No state but these contents; O(1) per row of the delta, nothing if the stream is consolidated already.
inline constexpr MakeOutput output{};

}  // namespace lockstep
