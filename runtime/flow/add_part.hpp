#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include "runtime/flow/assembly.hpp"
#include "runtime/flow/stream.hpp"

namespace lockstep {

/// Where an operator is made: at one worker of one runtime.
class Site {
 public:
  Site(Assembly& assembly, const OperatorInfo& info, unsigned level)
      : assembly_(&assembly), info_(&info), level_(level) {}

  unsigned worker() const { return assembly_->worker; }
  unsigned workers() const { return assembly_->workers(); }
  const IndexLimits& limits() const { return assembly_->limits(); }
  const std::string& name() const { return info_->name; }
  Assembly& assembly() const { return *assembly_; }

  /// What is sealed of an input, for the operator that shows it.
  SealedBase& sealed(InputId input) const { return *assembly_->common.sealed[input]; }
  /// The least number of rows that a worker takes of it at a time; 0: each gets its slice at once.
  std::size_t piece_rows() const { return assembly_->common.piece_rows; }

  /// What the operator that keeps an index of an edge lets others see.
  template <class K, class V>
  const IndexView<K, V>& view(EdgeId edge) const {
    return assembly_->view<K, V>(edge);
  }
  /// The operator's i-th side edge. Once.
  template <class R>
  Edge<R>& side(std::size_t i) const {
    return assembly_->make_edge<R>(info_->side_edges[i], level_);
  }

 private:
  Assembly* assembly_;
  const OperatorInfo* info_;
  unsigned level_;
};

namespace reads {

/// What a part reads, as data, and the way to the worker, which is bound when the part is made there.
template <class Way>
struct Read {
  Way way;
  ReadInfo info;
};

/// An expression, read where its rows are.
template <class Plan>
struct InPlace {
  static constexpr unsigned kLanes = 0;
  Plan plan;

  template <class Then>
  void bind(Assembly& assembly, const OperatorInfo&, unsigned, Then&& then) const {
    then(plan.bind(assembly));
  }
};

template <Expression E>
ReadInfo info_of(const E& expression) {
  ReadInfo info(expression.flow().get());
  const Partitioning rows = expression.properties().partitioning;
  if (rows == Partitioning::by_row || rows == Partitioning::by_key) info.rows_are = RowsAre::at_their_slots;
  expression.reads(info);
  return info;
}

template <Expression E>
auto in_place(const E& expression) {
  return Read<InPlace<decltype(expression.plan())>>{{expression.plan()}, info_of(expression)};
}

/// Calls then(reader...) with the readers of all reads at one worker.
template <class Then>
void bind_all(Assembly&, const OperatorInfo&, unsigned, Then&& then) {
  then();
}
template <class Then, class First, class... Rest>
void bind_all(Assembly& assembly, const OperatorInfo& info, unsigned lane, Then&& then, const First& first,
              const Rest&... rest) {
  if constexpr (sizeof...(Rest) == 0) {
    first.bind(assembly, info, lane, then);
  } else {
    first.bind(
        assembly, info, lane, [&](auto... reader) __attribute__((cold)) {
          bind_all(
              assembly, info, lane + First::kLanes, [&](auto... more) { then(reader..., more...); }, rest...);
        });
  }
}

}  // namespace reads

/// Whether an operator serves as an index: of what it gives, or if it gives nothing, of what it reads.
template <class Operator>
concept ServesAsIndex = std::derived_from<Operator, IndexViewBase> || requires(Operator op) {
  op.view();
};

/// Sends all that an index holds on an edge of its values, or of its keys and values.
template <class R, class K, class V>
[[gnu::cold]] void send_contents(const IndexViewBase& view, EdgeBase& edge) {
  auto& out = static_cast<Edge<R>&>(edge);
  Batch<R>& rows = out.fill();
  static_cast<const IndexView<K, V>&>(view).for_each([&rows](const K& key, const V& value, Weight weight) {
    if constexpr (std::same_as<R, V>) {
      rows.push_back({value, weight});
    } else {
      rows.push_back({R(key, value), weight});
    }
  });
  out.send();
}
template <class R, bool kFromElsewhere, class K, class V>
[[gnu::cold]] void provide_view(Assembly& assembly, const OperatorInfo& info, IndexView<K, V>& view) {
  ProvidedView provided{info.id, *info.indexes, &view, &send_contents<R, K, V>, nullptr};
  if constexpr (kFromElsewhere) provided.send_values = &send_contents<V, K, V>;
  assembly.provide_view(provided);
}

/// Makes a node that runs make(site) and, if it gives anything, its edge.
template <class OutRow, class Make, class... Reader>
[[gnu::cold]] void place(Assembly& assembly, const OperatorInfo& info, const Make& make, Reader... reader) {
  using Operator = std::invoke_result_t<const Make&, const Site&>;
  const unsigned level = Assembly::level_of(reader...);
  const Site site(assembly, info, level);
  Edge<OutRow>* out = nullptr;
  if constexpr (!std::is_void_v<OutRow>) out = &assembly.make_edge<OutRow>(info.output, level);
  auto* node = new OperatorNode<Operator, OutRow, Reader...>(make, site, out, reader...);
  assembly.add_node(info, level, node, reader...);
  if constexpr (requires { node->op().view(); }) {
    provide_view<typename Operator::R, true>(assembly, info, node->op().view());
  } else if constexpr (ServesAsIndex<Operator>) {
    provide_view<OutRow, false>(assembly, info, node->op());
  }
}

template <class Function>
class NodeMakerOf final : public NodeMaker {
 public:
  explicit NodeMakerOf(Function&& function) : function_(std::move(function)) {}
  [[gnu::cold]] ~NodeMakerOf() override = default;
  [[gnu::cold]] void make(Assembly& assembly) const override { function_(assembly); }

 private:
  Function function_;
};

/// Adds a part whose rows are of type R, or that gives none, if that is void.
template <class R, class Make, class... Way>
[[gnu::cold]] OperatorInfo& add_nodes(Description& flow, Part part, Make make, reads::Read<Way>... reads) {
  static_assert(
      std::invocable<const Make&, const Site&>,
      "lockstep: what makes the operator of a part is a function of a const Site&, which may be called often");
  using Operator = std::invoke_result_t<const Make&, const Site&>;
  static_assert(
      HasState<Operator> || !requires(Operator & op, Decoder & in) { op.load(in); },
      "lockstep: an operator that has load(Decoder&) must have save(StateWriter&) const too");
  if (HasState<Operator> && part.state.empty()) {
    throw FlowError(part.name + ": it has save() and load(), but its part does not say what its state is");
  }
  if (!HasState<Operator> && !part.state.empty()) {
    throw FlowError(
        part.name +
        ": its part says that it has state, but it has not both save(StateWriter&) const and load(Decoder&)");
  }
  OperatorInfo& added = flow.add(std::move(part), {reads.info...}, !std::is_void_v<R>);
  auto place_nodes = [ make = std::move(make), id = added.id, ... way = std::move(reads.way) ](Assembly & assembly)
      __attribute__((cold)) {
    const OperatorInfo& info = assembly.info(id);
    reads::bind_all(
        assembly, info, 0, [&](auto... reader) __attribute__((cold)) { place<R>(assembly, info, make, reader...); },
        way...);
  };
  const NodeMaker* const maker = new NodeMakerOf<decltype(place_nodes)>(std::move(place_nodes));
  added.maker.reset(maker);
  if constexpr (ServesAsIndex<Operator>) added.indexes = added.has_output ? added.output : added.inputs.front();
  return added;
}

/// Adds an operator to a flow: it is what `part` says, reads what `reads` say, and is made at each worker by
/// make(site), and need not move. Its class has `eval(reader..., out)` or `eval(reader..., out, activation)`, where out
/// is the Batch to fill, or the Edge to lend rows to; and, if it keeps state, `load(decoder)` and `save(writer)`
/// and `bytes()`. Returns the stream of what it gives, an `Out`. Throws FlowError if the part cannot be added.
template <class Out, class Make, class... Way>
Out add_part(const std::shared_ptr<Description>& flow, Part part, Make make, reads::Read<Way>... reads) {
  using R = typename Out::Row;
  if (!part.schema) part.schema = row_traits<R>::schema();
  return Out(flow, add_nodes<R>(*flow, std::move(part), std::move(make), std::move(reads)...).output);
}

/// The same for an operator that gives nothing: its `eval` has no `out`.
template <class Make, class... Way>
void add_sink(Description& flow, Part part, Make make, reads::Read<Way>... reads) {
  add_nodes<void>(flow, std::move(part), std::move(make), std::move(reads)...);
}

}  // namespace lockstep
