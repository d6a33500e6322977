#pragma once

#include <memory>
#include <string>
#include <utility>

#include "operators/indexes/keep_index.hpp"
#include "operators/outputs/consolidate.hpp"
#include "operators/outputs/contents.hpp"
#include "runtime/steps/step.hpp"

namespace lockstep {

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
    if constexpr (!E::kKeyed) {
      const auto stream = consolidate(in);
      const OutputId id = publish<R>(*in.flow(), name_, stream.edge());
      if constexpr (kAccumulated) keep_contents(stream, id, name_);
      return Output<R>(in.flow()->identity, id, name_);
    } else if constexpr (!kAccumulated) {
      return KeyedOutput<KeyOf<E>, ValueOf<E>>(in.flow()->identity,
                                               publish<R>(*in.flow(), name_, consolidate(in).edge()), name_);
    } else {
      const auto indexed = index_of(in);
      const OutputId id = publish<R>(*in.flow(), name_, consolidate(indexed).edge());
      show_indexed<KeyOf<E>, ValueOf<E>>(*in.flow(), {ContentsName::Kind::output, id}, indexed.edge());
      return KeyedOutput<KeyOf<E>, ValueOf<E>>(in.flow()->identity, id, name_);
    }
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

/// Publishes a stream: `step[output]` is its delta, each row once. With `accumulated`, snapshots show its contents:
/// those of a keyed stream by key, from an index that its operator keeps anyway (a group_by, a table), that joins of it
/// share, or a new one. No state but these contents; O(1) per row of the delta, nothing if the stream is consolidated
/// already.
inline constexpr MakeOutput output{};

}  // namespace lockstep
