#pragma once

#include "operators/stateless/chain.hpp"

namespace lockstep {

template <bool kKeyedIn, class In, class Function>
struct MapLink {
  using Row = projection::Result<kKeyedIn, Function, In>;
  static constexpr bool kKeyed = false;

  Function function;
  std::string name;

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
  auto apply(const E& in) const {
    using Link = MapLink<E::kKeyed, typename E::Row, Function>;
    static_assert(Row<typename Link::Row>, "lockstep: what map's function returns cannot be a row");
    const std::string name = this->name_or("map", in.label());
    const Properties before = in.properties();
    return Chain<E, Link>(in, Link{function_, name}, "map", name,
                          {.append_only = before.append_only, .step_dependent = before.step_dependent});
  }

 private:
  Function function_;
};

/// Each row becomes function(row). Of a keyed stream the function gets the key and the value, or the pair; the result
/// is a plain stream. No state; O(1) per row; fused.
template <class Function>
auto map(Function function) {
  return Map<Function>(std::move(function));
}

}  // namespace lockstep
