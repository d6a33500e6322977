#pragma once

#include <memory>
#include <string>
#include <utility>

#include "operators/inputs/ledger.hpp"
#include "runtime/flow/add_part.hpp"
#include "runtime/intake/sealed.hpp"
#include "runtime/zset/slice.hpp"

namespace lockstep {

/// Shows each worker its part of what was sealed, where it lies; and the first worker the rejected rows. The part is a
/// slice; or if there are many rows, and all who read them do not mind, one piece after another until none is left, so
/// that whoever comes late, or is slower, gets less.
template <class R>
class InputOperator {
 public:
  InputOperator(const Site& site, InputId input)
      : sealed_(static_cast<Sealed<Weighted<R>>*>(&site.sealed(input))),
        rejects_(&site.side<LedgerRow>(0)),
        worker_(site.worker()),
        workers_(site.workers()),
        piece_rows_(site.piece_rows()) {}

  void eval(Edge<R>& out, Activation& activation) {
    const std::size_t total = sealed_->size();
    if (piece_rows_ != 0 && total / workers_ > piece_rows_ && out.divisible()) {
      const auto [begin, end] = sealed_->take_piece(workers_, piece_rows_);
      activation.once_more = end != total;
      show(out, begin, end, end != total);
    } else {
      // Rounded up, so that a single row goes to the first worker, which is the caller's and never asleep.
      show(out, (total * worker_ + workers_ - 1) / workers_, (total * (worker_ + 1) + workers_ - 1) / workers_, false);
    }
    const bool first = std::exchange(beat_, activation.beat) != activation.beat;
    if (worker_ != 0 || !first || !sealed_->any_rejects()) return;
    Batch<LedgerRow>& rejects = rejects_->fill();
    sealed_->take_rejects([&rejects](LedgerRow&& row) { rejects.push_back({std::move(row), 1}); });
    rejects_->send();
  }

 private:
  void show(Edge<R>& out, std::size_t begin, std::size_t end, bool more_to_come) {
    auto& spans = out.borrow();
    sealed_->for_each_span(begin, end, [&spans](Slice<const Weighted<R>> span) { spans.push_back(span); });
    out.send_borrowed(more_to_come);
  }

  Sealed<Weighted<R>>* sealed_;
  Edge<LedgerRow>* rejects_;
  unsigned worker_;
  unsigned workers_;
  std::size_t piece_rows_;  // the least size of a piece; 0: slices only
  std::uint64_t beat_ = 0;  // of the last activation
};

/// The operator of an input of any kind: its rows as they are sealed, and the rejected rows as a second edge.
struct InputEdges {
  InputId input;
  EdgeId rows;
  EdgeId rejects;
};

template <class R>
InputEdges add_input(Description& flow, const std::string& name, Schema schema, Properties properties,
                     std::shared_ptr<const EventTimeBase> event_time) {
  const InputId input = flow.add_input(
      {.name = name,
       .make_sealed = [](auto event_time) -> SealedBase* { return new Sealed<Weighted<R>>(std::move(event_time)); },
       .event_time = std::move(event_time)});
  Part part("input", name);
  part.runs_user_code = false;
  part.source = input;
  part.schema = std::move(schema);
  part.properties = properties;
  part.sides.push_back({"rejected rows of " + name,
                        ledger_schema(),
                        {.partitioning = Partitioning::colocated, .append_only = true, .consolidated = true}});
  const OperatorInfo& added =
      add_nodes<R>(flow, std::move(part), [input](const Site& site) { return InputOperator<R>(site, input); });
  flow.inputs[input].reader = added.id;
  return {input, added.output, added.side_edges.front()};
}

}  // namespace lockstep
