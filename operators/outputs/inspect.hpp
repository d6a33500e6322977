#pragma once

#include "operators/outputs/output.hpp"

namespace lockstep {

/// Calls a function on each row of the delta and passes the rows on.
template <class R, class Function>
class InspectOperator {
 public:
  InspectOperator(Function function, std::string name) : function_(std::move(function)), name_(std::move(name)) {}

  template <class Reader>
  void eval(Reader& in, Batch<R>& out, const Activation& activation) {
    in.for_each([&](const R& row, Weight weight) {
      if constexpr (std::is_invocable_v<Function&, const R&, Weight, Time>) {
        call_user(
            name_, [&](const R& r) { function_(r, weight, activation.time); }, row);
      } else {
        call_user(
            name_, [&](const R& r) { function_(r, weight); }, row);
      }
      out.push_back({row, weight});
    });
  }

 private:
  Function function_;
  std::string name_;
};

template <class Function>
class Inspect : public Named<Inspect<Function>> {
 public:
  explicit Inspect(Function function) : function_(std::move(function)) {}

  template <Expression E>
  auto apply(const E& in) const {
    using R = typename E::Row;
    const auto stream = consolidated(in);
    const std::string name = this->name_or("inspect", in.label());
    const EdgeId edge = add_operator<R>(
        {.kind = "inspect", .name = name}, stream.schema(), stream.properties(),
        [function = function_, name](Assembly&, EdgeId) { return InspectOperator<R, Function>(function, name); },
        stream);
    return StreamOf<E::kKeyed, R>(in.flow(), edge);
  }

 private:
  Function function_;
};

/// Calls function(row, weight), or function(row, weight, time), for each row of each delta, consolidated, and passes
/// the rows on. Workers call it at the same time, each a copy of its own. No state; O(1) per row of the delta.
template <class Function>
auto inspect(Function function) {
  return Inspect<Function>(std::move(function));
}

}  // namespace lockstep
