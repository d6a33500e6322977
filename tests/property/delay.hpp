#pragma once

#include <utility>

#include "tests/property/rows.hpp"

namespace lockstep::property {

/// Lets each row out one step later: an operator with state that asks to run again, as a user would write one. State:
/// the rows of the last step.
template <class R>
class DelayOperator {
 public:
  template <class Reader>
  void eval(Reader& in, Batch<R>& out, Activation& activation) {
    out.swap(held_);
    held_.clear();
    in.for_each([this](const R& row, Weight weight) { held_.push_back({row, weight}); });
    activation.again = !held_.empty();
  }

  void save(unsigned slot, Encoder& out) const {
    for (const auto& [row, weight] : held_) {
      if (slot_of(row_traits<R>::hash(row)) != slot) continue;
      row_traits<R>::encode(out, row);
      out.zigzag(weight);
    }
  }
  void load(Decoder& in) {
    while (!in.at_end()) {
      const R row = row_traits<R>::decode(in);
      held_.push_back({row, in.zigzag()});
    }
  }

 private:
  Batch<R> held_;
};

class Delay : public Named<Delay> {
 public:
  template <Expression E>
  auto apply(const E& in) const {
    using R = typename E::Row;
    OperatorInfo info{.kind = "delay", .name = name_or("delay", in.label()), .state = "rows by due step"};
    const Properties properties{.partitioning = Partitioning::by_row, .step_dependent = true};
    const EdgeId edge = add_exchanged<route::ByRow, R>(in, std::move(info), in.schema(), properties,
                                                       [](Assembly&, EdgeId) { return DelayOperator<R>(); });
    return Stream<R>(in.flow(), edge);
  }
};

}  // namespace lockstep::property
