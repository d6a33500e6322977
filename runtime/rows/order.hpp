#pragma once

#include <bit>
#include <cmath>
#include <compare>
#include <limits>

#include "runtime/rows/shape.hpp"

// Equality and total order of rows: field by field, in the order of the description. Doubles are ordered by
// value with NaN last; they are normalised on entry, so that equal means equal bits. An empty optional comes
// before every value. A user's own operator== is never called.

namespace lockstep::derived {

template <class T>
constexpr bool equal(const T& a, const T& b) {
  if constexpr (std::same_as<T, double>) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
  } else if constexpr (std::same_as<T, float>) {
    return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
  } else if constexpr (shape::Wrapped<T>) {
    return equal(shape::unwrap(a), shape::unwrap(b));
  } else if constexpr (shape::Optional<T>) {
    return a.has_value() == b.has_value() && (!a || row_traits<typename T::value_type>::equal(*a, *b));
  } else if constexpr (shape::Sequence<T>) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!row_traits<typename T::value_type>::equal(a[i], b[i])) return false;
    }
    return true;
  } else if constexpr (shape::Composite<T>) {
    return shape::all_fields(a, b, [](const auto& left, const auto& right) {
      return row_traits<std::remove_cvref_t<decltype(left)>>::equal(left, right);
    });
  } else {
    return a == b;
  }
}

constexpr std::strong_ordering compare_real(double a, double b) {
  if (a < b) return std::strong_ordering::less;
  if (a > b) return std::strong_ordering::greater;
  if (a == b) return std::strong_ordering::equal;
  return (a != a) <=> (b != b);
}

template <class T>
constexpr std::strong_ordering compare(const T& a, const T& b) {
  if constexpr (shape::Real<T>) {
    return compare_real(a, b);
  } else if constexpr (shape::Wrapped<T>) {
    return compare(shape::unwrap(a), shape::unwrap(b));
  } else if constexpr (shape::Optional<T>) {
    if (!a || !b) return a.has_value() <=> b.has_value();
    return row_traits<typename T::value_type>::compare(*a, *b);
  } else if constexpr (shape::Sequence<T>) {
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
      if (const auto order = row_traits<typename T::value_type>::compare(a[i], b[i]); order != 0) return order;
    }
    return a.size() <=> b.size();
  } else if constexpr (shape::Composite<T>) {
    std::strong_ordering order = std::strong_ordering::equal;
    (void)shape::all_fields(a, b, [&order](const auto& left, const auto& right) {
      order = row_traits<std::remove_cvref_t<decltype(left)>>::compare(left, right);
      return order == 0;
    });
    return order;
  } else if constexpr (shape::Text<T>) {
    return a.compare(b) <=> 0;
  } else {
    return a <=> b;
  }
}

/// −0.0 becomes +0.0 and every NaN becomes the one NaN.
template <class T>
constexpr void normalise(T& value) {
  if constexpr (!shape::AnyReal<T>::value) {
    return;
  } else if constexpr (shape::Real<T>) {
    if (value == 0) value = 0;
    if (std::isnan(value)) value = std::numeric_limits<T>::quiet_NaN();
  } else if constexpr (shape::Wrapped<T>) {
    auto inner = shape::unwrap(value);
    normalise(inner);
    value = shape::wrap<T>(inner);
  } else if constexpr (shape::Optional<T>) {
    if (value) row_traits<typename T::value_type>::normalise(*value);
  } else if constexpr (shape::Sequence<T>) {
    for (auto& element : value) row_traits<typename T::value_type>::normalise(element);
  } else {
    shape::with_fields(
        value, [](auto&... field) { (row_traits<std::remove_cvref_t<decltype(field)>>::normalise(field), ...); });
  }
}

}  // namespace lockstep::derived
