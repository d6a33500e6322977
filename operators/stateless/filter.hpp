#pragma once

#include "operators/stateless/chain.hpp"

namespace lockstep {

template <bool kKeyedIn, class In, class Predicate>
struct FilterLink {
  using Row = In;
  static constexpr bool kKeyed = kKeyedIn;

  Predicate predicate;
  OperatorName name;

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
  [[gnu::cold]] auto apply(const E& in) const {
    if constexpr (!projection::Fits<E::kKeyed, Predicate, typename E::Row>) {
      static_assert(projection::Fits<E::kKeyed, Predicate, typename E::Row>,
                    "lockstep: filter's function cannot be called with the rows of this stream. It gets the row of a "
                    "plain stream, and of a keyed one the value, or the key and the value");
      return in;
    } else if constexpr (!projection::Gives<E::kKeyed, Predicate, typename E::Row, bool>) {
      static_assert(projection::Gives<E::kKeyed, Predicate, typename E::Row, bool>,
                    "lockstep: filter's function must return a bool");
      return in;
    } else {
      using Link = FilterLink<E::kKeyed, typename E::Row, Predicate>;
      Part part = this->part("filter", in.label());
      part.properties = in.properties();
      part.runs_user_code = projection::is_user_code<Predicate>;
      if (!part.runs_user_code) part.detail = projection::name(predicate_);
      const OperatorName name = in.flow()->keep(part.name);
      return Chain<E, Link>(in, Link{predicate_, name}, std::move(part));
    }
  }

 private:
  Predicate predicate_;
};

struct MakeFilter : OperatorMaker {
  template <class Predicate>
  auto operator()(Predicate predicate) const {
    return Filter<Predicate>(std::move(predicate));
  }
};

/// The rows for which predicate(row) is true, with their weights. A keyed stream stays keyed. No state; O(1)
/// per row; fused.
inline constexpr MakeFilter filter{};

}  // namespace lockstep
