#pragma once

#include "operators/outputs/consolidate.hpp"
#include "runtime/faults/errors.hpp"

namespace lockstep {

template <class Function, class... Part>
concept CallableWithWeight =
    std::invocable<Function&, const Part&..., Weight> || std::invocable<Function&, const Part&..., Weight, Time>;
template <class Function, bool kKeyed, class R>
inline constexpr bool inspects_rows = CallableWithWeight<Function, R>;
template <class Function, class K, class V>
inline constexpr bool inspects_rows<Function, true, std::pair<K, V>> =
    CallableWithWeight<Function, K, V> || CallableWithWeight<Function, V>;
template <class Function, bool kKeyed, class R>
concept InspectsRows = inspects_rows<Function, kKeyed, R>;

/// Calls a function on each row of the delta and passes the rows on.
template <bool kKeyed, class R, class Function>
class InspectOperator {
 public:
  InspectOperator(Function function, OperatorName name) : function_(std::move(function)), name_(name) {}

  template <class Reader>
  void eval(Reader& in, Batch<R>& out, const Activation& activation) {
    in.for_each([&](const R& row, Weight weight) {
      call_user(
          name_, [&](const R& r) { call(r, weight, activation.time); }, row);
      out.push_back({row, weight});
    });
  }

 private:
  void call(const R& row, Weight weight, Time time) {
    if constexpr (!kKeyed) {
      call_with(weight, time, row);
    } else if constexpr (CallableWithWeight<Function, typename R::first_type, typename R::second_type>) {
      call_with(weight, time, row.first, row.second);
    } else {
      call_with(weight, time, row.second);
    }
  }
  template <class... Part>
  void call_with(Weight weight, Time time, const Part&... part) {
    if constexpr (std::invocable<Function&, const Part&..., Weight, Time>) {
      function_(part..., weight, time);
    } else {
      function_(part..., weight);
    }
  }

  Function function_;
  OperatorName name_;
};

template <class Function>
class Inspect : public Named<Inspect<Function>> {
 public:
  explicit Inspect(Function function) : function_(std::move(function)) {}

  template <Expression E>
  [[gnu::cold]] auto apply(const E& in) const {
    using R = typename E::Row;
    if constexpr (!InspectsRows<Function, E::kKeyed, R>) {
      static_assert(
          InspectsRows<Function, E::kKeyed, R>,
          "lockstep: inspect's function cannot be called with the rows of this stream. It gets the row of a plain "
          "stream, and of a keyed one the value, or the key and the value; then the weight, and if it likes the "
          "time");
      return in;
    } else {
      const auto stream = consolidate(in);
      Part part = this->part("inspect", in.label());
      part.runs_user_code = false;
      part.gives_what_it_reads = true;
      part.schema = stream.schema();
      part.properties = stream.properties();
      return add_part<StreamOf<E::kKeyed, R>>(
          in.flow(), std::move(part),
          [function = function_](const Site& site) {
            return InspectOperator<E::kKeyed, R, Function>(function, OperatorName(site.name()));
          },
          reads::in_place(stream));
    }
  }

 private:
  Function function_;
};

struct MakeInspect : OperatorMaker {
  template <class Function>
  auto operator()(Function function) const {
    return Inspect<Function>(std::move(function));
  }
};

/// Calls function(value, weight) or function(key, value, weight), and if it takes it with the time as a last argument,
/// for each row of each delta, consolidated, and passes the rows on; of a plain stream the value is the row. Workers
/// call it at the same time, each a copy of its own. No state; O(1) per row of the delta.
inline constexpr MakeInspect inspect{};

}  // namespace lockstep
