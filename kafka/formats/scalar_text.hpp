#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "kafka/formats/format.hpp"
#include "kafka/formats/logical_types.hpp"
#include "runtime/rows/shape.hpp"
#include "runtime/rows/text.hpp"

// Single values as text, without quotes: what text() and csv() write and read.

namespace lockstep::kafka::scalar_text {

[[noreturn]] void throw_range();
[[noreturn]] void throw_no_such(std::string_view text);
std::int64_t read_integer(std::string_view text);
std::uint64_t read_unsigned(std::string_view text);
double read_real(std::string_view text);
bool read_boolean(std::string_view text);
/// Units of num/den seconds since 1970, of `2026-11-26T13:54:00.123Z` or `2026-11-26`; what is finer is cut off,
/// towards the past.
std::int64_t read_time(std::string_view text, std::int64_t num, std::int64_t den);
/// The character that a text in UTF-8 is.
std::uint32_t read_character(std::string_view text);

template <class T>
concept Scalar = std::same_as<T, bool> || shape::Integer<T> || shape::Real<T> || shape::Text<T> || shape::Wrapped<T> ||
    LogicalType<T>;

/// Of a described enum, by its name. Throws FormatError if there is none.
template <shape::Enumeration T>
T enumerator_of(std::string_view name) {
  T found{};
  bool is_found = false;
  if constexpr (boost::describe::has_describe_enumerators<T>::value) {
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto enumerator) {
      if (name == enumerator.name) found = enumerator.value, is_found = true;
    });
  }
  if (!is_found) throw_no_such(name);
  return found;
}

/// Throws FormatError if a described enum has no such value.
template <shape::Enumeration T>
T enumerator_of(shape::Inner<T> number) {
  const T value = shape::wrap<T>(number);
  if constexpr (boost::describe::has_describe_enumerators<T>::value) {
    if (derived::enumerator_name(value).empty()) throw_no_such(std::to_string(number));
  }
  return value;
}

/// Throws FormatError if it does not fit.
template <shape::Real T>
T fitted_real(double value) {
  const auto most = static_cast<double>(std::numeric_limits<T>::max());
  if (std::isfinite(value) && (value > most || value < -most)) throw_range();
  return static_cast<T>(value);
}
template <std::integral To, std::integral From>
To fitted(From value) {
  if (!std::in_range<To>(value)) throw_range();
  return static_cast<To>(value);
}

template <derived::CivilTime T>
T time_of(std::int64_t count) {
  return T(typename T::duration(fitted<typename T::rep>(count)));
}

template <Scalar T>
void write(std::string& out, const T& value) {
  if constexpr (shape::Text<T>) {
    out += value;
  } else if constexpr (LogicalType<T>) {
    out += to_text(value);
  } else if constexpr (shape::Character<T>) {
    derived::append_character(out, shape::unwrap(value));
  } else if constexpr (shape::Duration<T>) {
    write(out, value.count());
  } else if constexpr (shape::Enumeration<T> || derived::CivilTime<T> || !shape::Wrapped<T>) {
    derived::print(out, value);
  } else {
    write(out, shape::unwrap(value));
  }
}

template <Scalar T>
void read(std::string_view text, T& out) {
  if constexpr (shape::Text<T>) {
    out = text;
  } else if constexpr (LogicalType<T>) {
    read_text(text, out);
  } else if constexpr (std::same_as<T, bool>) {
    out = read_boolean(text);
  } else if constexpr (shape::Character<T>) {
    out = shape::wrap<T>(fitted<shape::Inner<T>>(read_character(text)));
  } else if constexpr (shape::Enumeration<T>) {
    const bool is_number = !text.empty() && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
    if (!is_number) {
      out = enumerator_of<T>(text);
    } else {
      shape::Inner<T> inner{};
      read(text, inner);
      out = enumerator_of<T>(inner);
    }
  } else if constexpr (derived::CivilTime<T>) {
    out = time_of<T>(read_time(text, T::period::num, T::period::den));
  } else if constexpr (shape::Wrapped<T>) {
    shape::Inner<T> inner{};
    read(text, inner);
    out = shape::wrap<T>(inner);
  } else if constexpr (shape::Real<T>) {
    out = fitted_real<T>(read_real(text));
  } else if constexpr (std::signed_integral<T>) {
    out = fitted<T>(read_integer(text));
  } else {
    out = fitted<T>(read_unsigned(text));
  }
}

}  // namespace lockstep::kafka::scalar_text
