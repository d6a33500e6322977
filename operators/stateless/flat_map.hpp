#pragma once

#include <iterator>

#include "operators/stateless/chain.hpp"

namespace lockstep {

namespace shape {
template <class Given>
concept ManyRows = Optional<Given> || requires(Given& given) {
  std::begin(given);
  std::end(given);
};

template <class Range>
struct ElementOf {
  using type = std::remove_cvref_t<decltype(*std::begin(std::declval<Range&>()))>;
};
template <Optional Range>
struct ElementOf<Range> {
  using type = typename Range::value_type;
};
}  // namespace shape

template <bool kKeyedIn, class In, class Function>
struct FlatMapLink {
  using Range = projection::Result<kKeyedIn, Function, In>;
  using Row = typename shape::ElementOf<Range>::type;
  static constexpr bool kKeyed = false;

  Function function;
  OperatorName name;

  template <class Sink>
  void pass(const In& row, Weight weight, Sink& sink) {
    Range rows = projection::guarded<kKeyedIn>(name, function, row);
    const auto emit = [&](Row& one) {
      normalise(one);
      sink(std::move(one), weight);
    };
    if constexpr (shape::Optional<Range>) {
      if (rows) emit(*rows);
    } else {
      for (auto& one : rows) emit(one);
    }
  }
};

template <class Function>
class FlatMap : public Named<FlatMap<Function>> {
 public:
  explicit FlatMap(Function function) : function_(std::move(function)) {}

  template <Expression E>
  [[gnu::cold]] auto apply(const E& in) const {
    if constexpr (!projection::Fits<E::kKeyed, Function, typename E::Row>) {
      static_assert(projection::Fits<E::kKeyed, Function, typename E::Row>,
                    "lockstep: flat_map's function cannot be called with the rows of this stream. It gets the row of a "
                    "plain stream, and of a keyed one the value, or the key and the value");
      return in;
    } else if constexpr (!shape::ManyRows<projection::Result<E::kKeyed, Function, typename E::Row>>) {
      static_assert(
          shape::ManyRows<projection::Result<E::kKeyed, Function, typename E::Row>>,
          "lockstep: flat_map's function must give a range of rows, such as a vector, an array or an optional");
      return in;
    } else {
      using Link = FlatMapLink<E::kKeyed, typename E::Row, Function>;
      static_assert(Row<typename Link::Row>, "lockstep: what flat_map's function gives cannot be rows");
      Part part = this->part("flat_map", in.label());
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

struct MakeFlatMap : OperatorMaker {
  template <class Function>
  auto operator()(Function function) const {
    return FlatMap<Function>(std::move(function));
  }
};

/// Each row becomes the rows of function(row), a vector, array or optional, each with the row's weight. No state; O(1)
/// per row given; fused. An array costs no allocation.
inline constexpr MakeFlatMap flat_map{};

}  // namespace lockstep
