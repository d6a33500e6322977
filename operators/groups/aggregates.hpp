#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "operators/groups/exact_sum.hpp"
#include "operators/groups/wide_integer.hpp"
#include "runtime/faults/errors.hpp"
#include "runtime/flow/projection.hpp"
#include "runtime/state/rows_of_key.hpp"

// The aggregates of group_by and aggregate. What a user writes, `sum(&Row::amount)`, is a specification; with the type
// of the rows it becomes an aggregator:
//
//   Lifted  lift(name, row)        what the aggregate needs of a row; runs the user's code
//   Result  result(state, total)   of a group whose weights sum to total, not 0
//
// A linear aggregator keeps no rows. Its State takes a row at a time, or what a Delta has gathered of many; both give
// the carry of a sum that left its range (see add_wrapping):
//   add(delta, lifted, weight)
//   add(state, lifted, weight)     apply(state, delta)     is_zero(state)     kOverflow: what to say of a carry
// An ordered aggregator keeps its rows in order, in the group's part of a segment (RowsOfKey<Kept, by_row>).

namespace lockstep {

struct Nothing {};

/// How many rows: the sum of weights.
struct Count {
  std::string describe() const { return "count"; }

  template <bool kKeyed, bool kByKey, class R>
  struct Aggregator {
    using Lifted = Nothing;
    using Delta = Nothing;
    using State = Nothing;
    using Result = std::int64_t;
    static constexpr bool kOrdered = false;
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
  };
};

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
  static std::size_t heap_bytes(const State& state) { return state.heap_bytes(); }
};

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

/// sum and avg of a field that every row has.
template <template <class> class Of, bool kKeyed, class R, class Projection>
struct Linear {
  using Lifted = Summed<projection::Result<kKeyed, Projection, R>>;
  using Sums = typename Of<Lifted>::Sums;
  using Delta = typename Sums::Delta;
  using State = typename Sums::State;
  using Result = typename Of<Lifted>::Result;
  static constexpr bool kOrdered = false;
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
  static constexpr bool kOrdered = false;
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
  static std::size_t heap_bytes(const State& state) { return Sums::heap_bytes(state.sum); }
};

template <template <class> class Of, bool kKeyed, class R, class Projection>
using Numeric = std::conditional_t<shape::Optional<projection::Result<kKeyed, Projection, R>>,
                                   LinearOptional<Of, kKeyed, R, Projection>, Linear<Of, kKeyed, R, Projection>>;

/// What tells the rows of a group apart: the row, or its value if all have the same key.
template <bool kByKey, class R>
struct Told {
  using type = R;
  static const R& of(const R& row) { return row; }
};
template <class R>
struct Told<true, R> {
  using type = typename R::second_type;
  static const type& of(const R& row) { return row.second; }
};

/// min and max: the first or last of the group's rows in the order of the field, then of the whole row.
template <bool kMax, bool kKeyed, bool kByKey, class R, class Projection>
struct Extreme {
  using Field = projection::Result<kKeyed, Projection, R>;
  using Rest = typename Told<kByKey, R>::type;
  /// The field is all there is; a user's function may return something else of the same type.
  static constexpr bool kWholeRow = std::same_as<Field, Rest> && std::same_as<Projection, ValueProjection>;
  using Lifted = std::conditional_t<kWholeRow, Rest, std::pair<Field, Rest>>;
  using State = RowsOfKey<Lifted, RowOrder::by_row>;
  using Result = Field;
  static constexpr bool kOrdered = true;

  Projection projection;

  Lifted lift(const std::string& name, const R& row) {
    if constexpr (kWholeRow) {
      return Told<kByKey, R>::of(row);
    } else {
      Lifted lifted(projection::guarded<kKeyed>(name, projection, row), Told<kByKey, R>::of(row));
      normalise(lifted);
      return lifted;
    }
  }

  /// A row without the field takes no part.
  static bool takes_part(const Lifted& lifted) {
    if constexpr (shape::Optional<Field>) return field(lifted).has_value();
    return true;
  }
  static const Field& field(const Lifted& lifted) {
    if constexpr (kWholeRow) {
      return lifted;
    } else {
      return lifted.first;
    }
  }
  template <class Segment>
  static Result result(const State& state, const Segment& home) {
    if constexpr (shape::Optional<Field>) {
      if (state.empty()) return std::nullopt;
    }
    if constexpr (kMax) {
      return field(state.last(home));
    } else {
      return field(state.first(home));
    }
  }
  /// Whether a row, being added, makes the kept one superfluous where nothing is ever deleted.
  static bool supersedes(const Lifted& added, const Lifted& kept) {
    const auto order = row_traits<Lifted>::compare(added, kept);
    return kMax ? order > 0 : order < 0;
  }
};

}  // namespace aggregators

template <class Projection>
struct Sum {
  Projection projection;
  std::string describe() const { return "sum(" + projection::name(projection) + ")"; }
  template <bool kKeyed, bool kByKey, class R>
  using Aggregator = aggregators::Numeric<aggregators::SumOf, kKeyed, R, Projection>;
};

template <class Projection>
struct Average {
  Projection projection;
  std::string describe() const { return "avg(" + projection::name(projection) + ")"; }
  template <bool kKeyed, bool kByKey, class R>
  using Aggregator = aggregators::Numeric<aggregators::AverageOf, kKeyed, R, Projection>;
};

template <class Projection>
struct Minimum {
  Projection projection;
  std::string describe() const { return "min(" + projection::name(projection) + ")"; }
  template <bool kKeyed, bool kByKey, class R>
  using Aggregator = aggregators::Extreme<false, kKeyed, kByKey, R, Projection>;
};

template <class Projection>
struct Maximum {
  Projection projection;
  std::string describe() const { return "max(" + projection::name(projection) + ")"; }
  template <bool kKeyed, bool kByKey, class R>
  using Aggregator = aggregators::Extreme<true, kKeyed, kByKey, R, Projection>;
};

/// The number of rows, weights counted: an std::int64_t.
inline Count count() { return {}; }

/// The exact sum of a field: of integers an std::int64_t (of 64-bit unsigned ones an std::uint64_t), of doubles a
/// double, rounded once. Rows whose optional field is empty are skipped; a group of only such rows has an empty sum.
/// An integer sum that does not fit its result at the end of a step ends the run with an error, even if its group has
/// no row then; what it is worth in the course of the step does not matter.
template <class Projection>
Sum<Projection> sum(Projection projection) {
  return {std::move(projection)};
}

/// The exact sum of a field over the exact weight, rounded once to a double.
template <class Projection>
Average<Projection> avg(Projection projection) {
  return {std::move(projection)};
}

/// The smallest value of a field among the rows whose weight is not 0. Right under deletion: all rows are
/// kept, in order; only the best, if nothing is ever deleted.
template <class Projection>
Minimum<Projection> min(Projection projection) {
  return {std::move(projection)};
}

/// The largest; see min.
template <class Projection>
Maximum<Projection> max(Projection projection) {
  return {std::move(projection)};
}

}  // namespace lockstep
