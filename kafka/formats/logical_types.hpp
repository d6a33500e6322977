#pragma once

#include <boost/describe.hpp>
#include <compare>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/rows/shape.hpp"

namespace lockstep::kafka {

/// A decimal number of so many places, such as an amount of money: its units are 10^-Scale. Exact, of 64 bits.
template <unsigned Scale>
struct Decimal {
  static_assert(Scale <= 18, "lockstep: 64 bits have 18 decimal places");
  static constexpr unsigned kScale = Scale;
  std::int64_t units = 0;

  friend auto operator<=>(const Decimal&, const Decimal&) = default;
  BOOST_DESCRIBE_CLASS(Decimal, (), (units), (), ())
};

/// As it is written: `f81d4fae-7dec-11d0-a765-00a0c91e6bf6`.
struct Uuid {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};
BOOST_DESCRIBE_STRUCT(Uuid, (), (high, low))

template <class T>
inline constexpr bool is_decimal = false;
template <unsigned Scale>
inline constexpr bool is_decimal<Decimal<Scale>> = true;

/// Values that are written as one, though they are structs.
template <class T>
concept LogicalType = is_decimal<T> || std::same_as<T, Uuid>;

std::string to_text(const Uuid& uuid);
__extension__ using WideUnits = __int128;  // that other writers may have
/// `-12.30`.
std::string decimal_text(WideUnits units, unsigned scale);
template <unsigned Scale>
std::string to_text(const Decimal<Scale>& decimal) {
  return decimal_text(decimal.units, Scale);
}

// They throw FormatError.

Uuid uuid_of(std::string_view text);
/// Of `-12.3` as well; more places than it has have to be zeros.
std::int64_t decimal_units(std::string_view text, unsigned scale);
template <LogicalType T>
void read_text(std::string_view text, T& out) {
  if constexpr (is_decimal<T>) {
    out.units = decimal_units(text, T::kScale);
  } else {
    out = uuid_of(text);
  }
}

/// Whether there are any in a type of rows.
template <class T>
inline constexpr bool has_logical_types = LogicalType<T>;
template <shape::Optional T>
inline constexpr bool has_logical_types<T> = has_logical_types<typename T::value_type>;
template <shape::Sequence T>
inline constexpr bool has_logical_types<T> = has_logical_types<typename T::value_type>;
template <shape::Composite T>
requires(!LogicalType<T>) inline constexpr bool has_logical_types<T> = []<class... Field>(shape::FieldList<Field...>*) {
  return (has_logical_types<Field> || ...);
}(static_cast<shape::Fields<T>*>(nullptr));

}  // namespace lockstep::kafka
