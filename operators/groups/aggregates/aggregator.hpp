#pragma once

#include <concepts>
#include <string>

#include "runtime/flow/projection.hpp"
#include "runtime/rows/bytes.hpp"
#include "runtime/zset/weights.hpp"

namespace lockstep {

// What a user writes, `sum(&Row::amount)`, is a specification; with the type of the rows it becomes an aggregator.

struct Nothing {};

/// The base of a specification that applies a user's projection to rows.
template <class Projection>
struct OfProjection {
  template <bool kKeyed, class R>
  static constexpr bool fits = projection::Fits<kKeyed, Projection, R>;
  /// Whether it is no sum, or one of numbers.
  template <bool kKeyed, class R>
  static constexpr bool sums_numbers = true;
  static constexpr bool kRunsUserCode = projection::is_user_code<Projection>;

  Projection projection;
};

/// What all aggregators have: Lifted is what the aggregate needs of a row, and lift() may run the user's code. form()
/// is what the coding of the state, or of kept rows and how many they are, is made of.
template <class A>
concept Aggregator = requires(A a) {
  typename A::Lifted;
  typename A::State;
  typename A::Result;
  { A::kKeepsRows } -> std::convertible_to<bool>;
  { A::form() } -> std::same_as<Schema>;
};

/// Keeps no rows. Its State takes a row at a time, or what a Delta has gathered of many; both give the carry of a sum
/// that left its range (see add_wrapping), of which kOverflow is what to say. result() is of a group whose weights sum
/// to `total`, not 0.
template <class A>
concept LinearAggregator = Aggregator<A> && !A::kKeepsRows &&
                           requires(typename A::State & state, typename A::Delta& delta,
                                    const typename A::Lifted& lifted, Weight weight, Encoder& out, Decoder& in) {
  A::add(delta, lifted, weight);
  { A::add(state, lifted, weight) } -> std::convertible_to<Int128>;
  { A::apply(state, delta) } -> std::convertible_to<Int128>;
  { A::is_zero(state) } -> std::same_as<bool>;
  { A::result(state, weight) } -> std::same_as<typename A::Result>;
  { A::kOverflow } -> std::convertible_to<const char*>;
  A::encode(out, state);
  { A::decode(in) } -> std::same_as<typename A::State>;
  { A::heap_bytes(state) } -> std::same_as<std::size_t>;
};

/// Keeps what it has of the rows, in the group's part of a segment: State is a RowsOfKey, or is used like one.
/// kBestSuffices: where nothing is ever deleted, one row is enough, the one that supersedes() all others.
template <class A>
concept KeepingAggregator = Aggregator<A> && A::kKeepsRows && requires(const typename A::Lifted& lifted) {
  { A::takes_part(lifted) } -> std::same_as<bool>;
  { A::kBestSuffices } -> std::convertible_to<bool>;
};

}  // namespace lockstep
