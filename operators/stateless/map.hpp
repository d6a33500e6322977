#pragma once

#include "operators/stateless/chain.hpp"

namespace lockstep {

template <bool kKeyedIn, class In, class Function>
struct MapLink {
  using Row = projection::Result<kKeyedIn, Function, In>;
  static constexpr bool kKeyed = false;

  Function function;
  OperatorName name;

  template <class Sink>
  void pass(const In& row, Weight weight, Sink& sink) {
    Row mapped = projection::guarded<kKeyedIn>(name, function, row);
    normalise(mapped);
    sink(std::move(mapped), weight);
  }
};

template <class Function>
class Map : public Named<Map<Function>> {
 public:
  explicit Map(Function function) : function_(std::move(function)) {}

  template <Expression E>
  [[gnu::cold]] auto apply(const E& in) const {
    if constexpr (!projection::Fits<E::kKeyed, Function, typename E::Row>) {
      static_assert(
          projection::Fits<E::kKeyed, Function, typename E::Row>,
          "lockstep: map's function cannot be called with the rows of this stream. It gets the row of a plain "
          "stream, and of a keyed one the value, or the key and the value");
      return in;
    } else {
      using Link = MapLink<E::kKeyed, typename E::Row, Function>;
      static_assert(Row<typename Link::Row>, "lockstep: what map's function returns cannot be a row");
      Part part = this->part("map", in.label());
      part.properties = {.append_only = in.properties().append_only, .step_dependent = in.properties().step_dependent};
      part.runs_user_code = projection::is_user_code<Function>;
      if (!part.runs_user_code) part.detail = projection::name(function_);
      const OperatorName name = in.flow()->keep(part.name);
      return Chain<E, Link>(in, Link{function_, name}, std::move(part));
    }
  }

 private:
  Function function_;
};

struct MakeMap : OperatorMaker {
  template <class Function>
  auto operator()(Function function) const {
    return Map<Function>(std::move(function));
  }
};

/// Each row becomes function(row). Of a keyed stream the function gets the value, or the key and the value; the result
/// is a plain stream. No state; O(1) per row; fused.
inline constexpr MakeMap map{};

}  // namespace lockstep
