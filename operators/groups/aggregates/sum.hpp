#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "operators/groups/aggregates/aggregator.hpp"
#include "operators/groups/aggregates/total.hpp"
#include "runtime/faults/errors.hpp"
#include "runtime/flow/projection.hpp"

namespace lockstep {

namespace aggregators {

template <class Field>
struct SumOf {
  using Result = std::conditional_t<std::unsigned_integral<Field> && sizeof(Field) == 8, std::uint64_t, std::int64_t>;
  using Sums = Total<Field, Result>;
  static Result of(Result sum, Weight) { return sum; }
};
template <>
struct SumOf<double> {
  using Result = double;
  using Sums = Total<double>;
  static Result of(const ExactSum& sum, Weight) { return sum.rounded(); }
};

template <class Field>
struct AverageOf {
  using Result = double;
  using Sums = Total<Field>;
  static Result of(const typename Sums::State& sum, Weight total) { return Sums::divided(sum, total); }
};

/// What a field is added up as: floats as doubles.
template <class Field>
using Summed = std::conditional_t<std::same_as<Field, float>, double, Field>;

template <class Field>
concept Summable = shape::Integer<Field> || shape::Real<Field> ||
    (shape::Optional<Field> && (shape::Integer<typename Field::value_type> || shape::Real<typename Field::value_type>));

/// sum and avg of a field that every row has.
template <template <class> class Of, bool kKeyed, class R, class Projection>
struct Linear {
  using Lifted = Summed<projection::Result<kKeyed, Projection, R>>;
  using Sums = typename Of<Lifted>::Sums;
  using Delta = typename Sums::Delta;
  using State = typename Sums::State;
  using Result = typename Of<Lifted>::Result;
  static constexpr bool kKeepsRows = false;
  static constexpr const char* kOverflow = Sums::kOverflow;

  Projection projection;

  Lifted lift(const std::string& name, const R& row) {
    Lifted value = projection::guarded<kKeyed>(name, projection, row);
    normalise(value);
    return value;
  }
  template <class DeltaOrState>
  static auto add(DeltaOrState& sum, const Lifted& value, Weight weight) {
    return Sums::add(sum, value, weight);
  }
  static auto apply(State& state, const Delta& delta) { return Sums::apply(state, delta); }
  static bool is_zero(const State& state) { return Sums::is_zero(state); }
  static Result result(const State& state, Weight total) { return Of<Lifted>::of(state, total); }
  static void encode(Encoder& out, const State& state) { Sums::encode(out, state); }
  static State decode(Decoder& in) { return Sums::decode(in); }
  static Schema form() { return Sums::form(); }
  static std::size_t heap_bytes(const State& state) { return Sums::heap_bytes(state); }
};

/// The same of an optional field: of the rows that have it. Empty when their weights sum to 0.
template <template <class> class Of, bool kKeyed, class R, class Projection>
struct LinearOptional {
  using Lifted = projection::Result<kKeyed, Projection, R>;
  using Field = Summed<typename Lifted::value_type>;
  using Sums = typename Of<Field>::Sums;
  using Weights = Total<Weight>;
  struct Delta {
    typename Sums::Delta sum;
    WideSum weight;
  };
  struct State {
    typename Sums::State sum{};
    Packed128 weight = 0;
  };
  using Result = std::optional<typename Of<Field>::Result>;
  static constexpr bool kKeepsRows = false;
  static constexpr const char* kOverflow = Sums::kOverflow;

  Projection projection;

  Lifted lift(const std::string& name, const R& row) {
    Lifted value = projection::guarded<kKeyed>(name, projection, row);
    normalise(value);
    return value;
  }
  template <class DeltaOrState>
  static std::int64_t add(DeltaOrState& to, const Lifted& value, Weight weight) {
    if (value) Weights::add(to.weight, 1, weight);
    return value ? Sums::add(to.sum, *value, weight) : 0;
  }
  static Int128 apply(State& state, const Delta& delta) {
    Weights::apply(state.weight, delta.weight);
    return Sums::apply(state.sum, delta.sum);
  }
  static bool is_zero(const State& state) { return Sums::is_zero(state.sum) && static_cast<Int128>(state.weight) == 0; }
  static Result result(const State& state, Weight) {
    const Int128 weight = state.weight;
    if (weight == 0) return std::nullopt;
    if (!fits_weight(weight)) throw OverflowError("the weight of the rows that have a field does not fit 64 bits");
    return Of<Field>::of(state.sum, static_cast<Weight>(weight));
  }
  static void encode(Encoder& out, const State& state) {
    Sums::encode(out, state.sum);
    state.weight.encode(out);
  }
  static State decode(Decoder& in) {
    State state{Sums::decode(in)};
    state.weight = Packed128::decode(in);
    return state;
  }
  static Schema form() { return state_form::with_weight(Sums::form()); }
  static std::size_t heap_bytes(const State& state) { return Sums::heap_bytes(state.sum); }
};

template <template <class> class Of, bool kKeyed, class R, class Projection>
using Numeric = std::conditional_t<shape::Optional<projection::Result<kKeyed, Projection, R>>,
                                   LinearOptional<Of, kKeyed, R, Projection>, Linear<Of, kKeyed, R, Projection>>;

}  // namespace aggregators

template <class Projection>
struct Sum : OfProjection<Projection> {
  std::string describe() const { return "sum(" + projection::name(this->projection) + ")"; }
  template <bool kKeyed, class R>
  static constexpr bool sums_numbers = aggregators::Summable<projection::Result<kKeyed, Projection, R>>;
  template <bool kKeyed, bool kByKey, class R>
  using Aggregator = aggregators::Numeric<aggregators::SumOf, kKeyed, R, Projection>;
};

template <class Projection>
struct Average : OfProjection<Projection> {
  std::string describe() const { return "avg(" + projection::name(this->projection) + ")"; }
  template <bool kKeyed, class R>
  static constexpr bool sums_numbers = aggregators::Summable<projection::Result<kKeyed, Projection, R>>;
  template <bool kKeyed, bool kByKey, class R>
  using Aggregator = aggregators::Numeric<aggregators::AverageOf, kKeyed, R, Projection>;
};

/// The exact sum of a field: of integers an std::int64_t (of 64-bit unsigned ones an std::uint64_t), of doubles a
/// double, rounded once. Rows whose optional field is empty are skipped; a group of only such rows has an empty sum.
/// An integer sum that does not fit its result at the end of a step ends the run with an error, even if its group has
/// no row then; what it is worth in the course of the step does not matter.
template <class Projection>
Sum<Projection> sum(Projection projection) {
  return {{std::move(projection)}};
}

/// The exact sum of a field over the exact weight, rounded once to a double.
template <class Projection>
Average<Projection> avg(Projection projection) {
  return {{std::move(projection)}};
}

}  // namespace lockstep
