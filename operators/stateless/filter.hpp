#pragma once

#include "operators/stateless/chain.hpp"

namespace lockstep {

template <bool kKeyedIn, class In, class Predicate>
struct FilterLink {
  using Row = In;
  static constexpr bool kKeyed = kKeyedIn;

  Predicate predicate;
  std::string name;

  template <class Sink>
  void pass(const In& row, Weight weight, Sink& sink) {
    if (projection::guarded<kKeyedIn>(name, predicate, row)) sink(row, weight);
  }
};

template <class Predicate>
class Filter : public Named<Filter<Predicate>> {
 public:
  explicit Filter(Predicate predicate) : predicate_(std::move(predicate)) {}

  template <Expression E>
  auto apply(const E& in) const {
    using Link = FilterLink<E::kKeyed, typename E::Row, Predicate>;
    static_assert(std::convertible_to<projection::Result<E::kKeyed, Predicate, typename E::Row>, bool>,
                  "lockstep: filter's function does not return a bool");
    const std::string name = this->name_or("filter", in.label());
    return Chain<E, Link>(in, Link{predicate_, name}, "filter", name, in.properties());
  }

 private:
  Predicate predicate_;
};

/// The rows for which predicate(row) is true, with their weights. A keyed stream stays keyed. No state; O(1)
/// per row; fused.
template <class Predicate>
auto filter(Predicate predicate) {
  return Filter<Predicate>(std::move(predicate));
}

}  // namespace lockstep
