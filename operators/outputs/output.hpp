#pragma once

#include "exchange/exchange.hpp"
#include "operators/stateless/chain.hpp"
#include "runtime/state/weight_table.hpp"
#include "runtime/steps/snapshot.hpp"
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
StreamOf<E::kKeyed, typename E::Row> consolidated(const E& in) {
  using R = typename E::Row;
  using Route = std::conditional_t<E::kKeyed, route::ByKey, route::Together>;
  Properties properties = in.properties();
  if (properties.consolidated && is_routed<Route>(properties)) return in.stream();
  if (!is_routed<Route>(properties)) {
    properties.partitioning = E::kKeyed ? Partitioning::by_key : Partitioning::by_row;
  }
  properties.consolidated = true;
  OperatorInfo info{.kind = "consolidate", .name = derived_name("consolidate", in.label())};
  const EdgeId edge = add_exchanged<Route, R>(in, std::move(info), in.schema(), properties,
                                              [](Assembly&, EdgeId) { return ConsolidateOperator<R>(); });
  return {in.flow(), edge};
}

/// Keeps the contents of an output, for snapshots; passes nothing on. Shared with the maker of its pins.
template <class R, class Hash>
class ContentsOperator {
 public:
  using Contents = WeightTable<R, Hash>;

  explicit ContentsOperator(const IndexLimits& limits) : contents_(std::make_shared<Contents>(limits)) {}

  std::function<std::shared_ptr<const void>()> pinner() const {
    return [contents = contents_] {
      return std::shared_ptr<const ContentsPart<R>>(std::make_shared<const Pin>(contents->pin()));
    };
  }

  /// The delta is consolidated, so that no weight passes through a value out of range.
  template <class Reader>
  void eval(Reader& in, Batch<R>&) {
    in.for_each([this](const R& row, Weight weight) {
      if (contents_->add(row, weight) != 0) {
        throw_overflow("the accumulated weight of a row does not fit 64 bits", to_string(row));
      }
    });
  }

  std::size_t bytes() const { return contents_->bytes(); }
  void save(unsigned slot, Encoder& out) const {
    contents_->for_each_with_prefix(slot, kSlotBits, [&](const R& row, Weight weight) {
      row_traits<R>::encode(out, row);
      out.zigzag(weight);
    });
  }
  void load(Decoder& in) {
    while (!in.at_end()) {
      R row = row_traits<R>::decode(in);
      contents_->take(std::move(row), in.zigzag());
    }
  }

 private:
  class Pin final : public ContentsPart<R> {
   public:
    explicit Pin(Contents contents) : contents_(std::move(contents)) {}
    void for_each(const std::function<void(const R&, Weight)>& function) const override {
      contents_.for_each(function);
    }
    Weight weight_of(const R& row) const override { return contents_.weight_of(row); }
    std::size_t size() const override { return contents_.size(); }

   private:
    Contents contents_;
  };

  std::shared_ptr<Contents> contents_;
};

struct Accumulated {};
/// Makes an output keep its contents, so that snapshots can show them: `output("balance", accumulated)`.
inline constexpr Accumulated accumulated{};

/// Publishes an edge whose deltas are consolidated.
template <class R>
OutputId publish(Description& flow, std::string name, EdgeId edge) {
  return flow.add_output(
      {std::move(name), edge, flow.edges[edge].schema,
       [](unsigned workers) -> std::unique_ptr<OutputPartsBase> { return std::make_unique<OutputParts<R>>(workers); }});
}

template <bool kAccumulated>
class OutputMaker {
 public:
  explicit OutputMaker(std::string name) : name_(checked_name("output", std::move(name))) {}

  template <Expression E>
  auto apply(const E& in) const {
    using R = typename E::Row;
    const auto stream = consolidated(in);
    const OutputId id = publish<R>(*in.flow(), name_, stream.edge());
    if constexpr (kAccumulated) accumulate(stream, id);
    return Output<R>(in.flow()->identity, id, name_);
  }

 private:
  template <Expression S>
  void accumulate(const S& stream, OutputId id) const {
    using R = typename S::Row;
    using Route = std::conditional_t<S::kKeyed, route::ByKey, route::ByRow>;
    OperatorInfo info{.kind = "accumulate",
                      .name = derived_name("contents", name_),
                      .state = std::string("rows by ") + (S::kKeyed ? "key" : "row")};
    add_exchanged<Route, R>(stream, std::move(info), stream.schema(), {}, [id](Assembly& assembly, EdgeId) {
      ContentsOperator<R, std::conditional_t<S::kKeyed, KeyedRowHash, RowHash>> op(assembly.limits());
      assembly.add_contents({id, op.pinner()});
      return op;
    });
  }

  std::string name_;
};

/// Publishes a stream: `step[output]` is its delta, each row once. No state; O(1) per row of the delta, nothing if the
/// stream is consolidated already.
inline OutputMaker<false> output(std::string name) { return OutputMaker<false>(std::move(name)); }
/// The same, with its contents kept for snapshots. State: the rows.
inline OutputMaker<true> output(std::string name, Accumulated) { return OutputMaker<true>(std::move(name)); }

}  // namespace lockstep
