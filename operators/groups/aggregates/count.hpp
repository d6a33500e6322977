#pragma once

#include <cstdint>
#include <string>

#include "operators/groups/aggregates/aggregator.hpp"

namespace lockstep {

/// How many rows: the sum of weights.
struct Count {
  std::string describe() const { return "count"; }
  template <bool kKeyed, class R>
  static constexpr bool fits = true;
  template <bool kKeyed, class R>
  static constexpr bool sums_numbers = true;
  static constexpr bool kRunsUserCode = false;

  template <bool kKeyed, bool kByKey, class R>
  struct Aggregator {
    using Lifted = Nothing;
    using Delta = Nothing;
    using State = Nothing;
    using Result = std::int64_t;
    static constexpr bool kKeepsRows = false;
    static constexpr const char* kOverflow = "";

    explicit Aggregator(const Count&) {}
    Lifted lift(const std::string&, const R&) { return {}; }
    static int add(Nothing&, const Lifted&, Weight) { return 0; }
    static int apply(State&, const Delta&) { return 0; }
    static bool is_zero(const State&) { return true; }
    static Result result(const State&, Weight total) { return total; }
    static void encode(Encoder&, const State&) {}
    static State decode(Decoder&) { return {}; }
    static std::size_t heap_bytes(const State&) { return 0; }
    static Schema form() { return {Schema::Kind::tuple, ""}; }
  };
};

/// The number of rows, weights counted: an std::int64_t.
inline Count count() { return {}; }

}  // namespace lockstep
