#pragma once

#include <concepts>
#include <cstdint>
#include <utility>

#include "operators/groups/exact_sum.hpp"
#include "operators/groups/wide_integer.hpp"
#include "runtime/rows/shape.hpp"
#include "runtime/state/state_form.hpp"

namespace lockstep {

namespace aggregators {

/// The exact sum of weight times value, for integers and for doubles. Of integers, a state of 64 bits will do where
/// no larger sum can be shown.
template <class Field, class Held = Packed128>
struct Total;

template <shape::Integer Field>
struct Total<Field, Packed128> {
  using Delta = WideSum;
  using State = Packed128;
  static constexpr const char* kOverflow = "a sum does not fit 128 bits";

  static int add(Delta& delta, Field value, Weight weight) {
    if (std::in_range<std::int64_t>(value)) {
      delta.add_product(static_cast<std::int64_t>(value), weight);
    } else {
      delta.add(static_cast<Int128>(value) * weight);
    }
    return 0;
  }
  static int add(State& state, Field value, Weight weight) {
    Int128 sum = state;
    const int carry = add_wrapping(sum, static_cast<Int128>(value) * weight);
    state = sum;
    return carry;
  }
  static Int128 apply(State& state, const Delta& delta) {
    Int128 sum = state;
    const Int128 carry = delta.add_to(sum);
    state = sum;
    return carry;
  }
  static bool is_zero(const State& state) { return static_cast<Int128>(state) == 0; }
  static double divided(const State& state, Weight by) {
    const auto sum = static_cast<UnsignedInt128>(static_cast<Int128>(state));
    const std::uint64_t limbs[2] = {static_cast<std::uint64_t>(sum), static_cast<std::uint64_t>(sum >> 64)};
    return rounded_quotient(limbs, 0, by);
  }
  static void encode(Encoder& out, const State& state) { state.encode(out); }
  static State decode(Decoder& in) { return Packed128::decode(in); }
  static Schema form() { return state_form::wide_integer("sum"); }
  static std::size_t heap_bytes(const State&) { return 0; }
};

template <shape::Integer Field, std::integral Held>
struct Total<Field, Held> {
  using Delta = WideSum;
  using State = Held;
  static constexpr const char* kOverflow =
      std::is_signed_v<Held> ? "a sum does not fit 64 bits" : "a sum does not fit 64 bits without a sign";

  static int add(Delta& delta, Field value, Weight weight) { return Total<Field>::add(delta, value, weight); }
  static std::int64_t add(State& state, Field value, Weight weight) {
    std::int64_t product = 0;
    State sum = 0;
    if (!__builtin_mul_overflow(value, weight, &product) && !__builtin_add_overflow(state, product, &sum)) [[likely]] {
      state = sum;
      return 0;
    }
    return wrap(static_cast<Int128>(state) + static_cast<Int128>(value) * weight, state);
  }
  static Int128 apply(State& state, const Delta& delta) { return delta.add_to(state); }
  static bool is_zero(const State& state) { return state == 0; }
  static void encode(Encoder& out, const State& state) { out.fixed64(static_cast<std::uint64_t>(state)); }
  static State decode(Decoder& in) { return static_cast<State>(in.fixed64()); }
  static Schema form() { return state_form::integer(std::is_signed_v<Held> ? "sum" : "sum without a sign"); }
  static std::size_t heap_bytes(const State&) { return 0; }
};

template <>
struct Total<double> {
  using Delta = ExactSum;
  using State = ExactSum;
  static constexpr const char* kOverflow = "";

  static int add(ExactSum& sum, double value, Weight weight) {
    sum.add(value, weight);
    return 0;
  }
  static int apply(State& state, const Delta& delta) {
    state.add(delta);
    return 0;
  }
  static bool is_zero(const State& state) { return state.is_zero(); }
  static double divided(const State& state, Weight by) { return state.rounded(by); }
  static void encode(Encoder& out, const State& state) { state.encode(out); }
  static State decode(Decoder& in) { return ExactSum::decode(in); }
  static Schema form() { return state_form::exact_sum(); }
  static std::size_t heap_bytes(const State& state) { return state.heap_bytes(); }
};

}  // namespace aggregators

}  // namespace lockstep
