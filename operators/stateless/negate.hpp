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
  [[gnu::cold]] auto apply(const E& in) const {
    using Link = NegateLink<E::kKeyed, typename E::Row>;
    Part part = this->part("negate", in.label());
    part.runs_user_code = false;
    part.properties = in.properties();
    part.properties.append_only = part.properties.unique_by_key = part.properties.consolidated = false;
    const auto signature = in.signature();
    return Chain<E, Link>(in, Link{}, std::move(part),
                          signature ? std::optional(*signature + "|negate") : std::nullopt);
  }
};

struct MakeNegate : OperatorMaker {
  Negate operator()() const { return {}; }
};

/// The same rows with the opposite weights. No state; O(1) per row; fused.
inline constexpr MakeNegate negate{};

}  // namespace lockstep
