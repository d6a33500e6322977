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

  void save(StateWriter& out) const {
    for (const auto& [row, weight] : held_) {
      Encoder item = out.at(row_traits<R>::hash(row));
      row_traits<R>::encode(item, row);
      item.zigzag(weight);
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
    Part part = this->part("delay", in.label());
    part.state = "rows by due step";
    part.schema = in.schema();
    part.properties = {.partitioning = Partitioning::by_row, .step_dependent = true};
    return add_part<Stream<R>>(
        in.flow(), std::move(part), [](const Site&) { return DelayOperator<R>(); }, reads::by<route::ByRow>(in));
  }
};

}  // namespace lockstep::property
