#pragma once

#include <limits>

#include "operators/stateless/chain.hpp"

namespace lockstep {

template <bool kKeyedIn, class In>
struct NegateLink {
  using Row = In;
  static constexpr bool kKeyed = kKeyedIn;

  template <class Sink>
  void pass(const In& row, Weight weight, Sink& sink) {
    if (weight == std::numeric_limits<Weight>::min()) [[unlikely]] {
      // Its negative does not fit one weight, but it fits two.
      sink(row, Weight{1});
      weight += 1;
    }
    sink(row, -weight);
  }
};

class Negate : public Named<Negate> {
 public:
  template <Expression E>
  auto apply(const E& in) const {
    using Link = NegateLink<E::kKeyed, typename E::Row>;
    Properties properties = in.properties();
    properties.append_only = properties.unique_by_key = properties.consolidated = false;
    const std::string name = name_or("negate", in.label());
    const auto signature = in.signature();
    return Chain<E, Link>(in, Link{}, "negate", name, properties,
                          signature ? std::optional(*signature + "|negate") : std::nullopt);
  }
};

/// The same rows with the opposite weights. No state; O(1) per row; fused.
inline Negate negate() { return {}; }

}  // namespace lockstep
