#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/rows/shape.hpp"

// Rows as text for people, `{id: 1, amount: 10}` and `(3, -6)`, and as JSON. JSON has no NaN and no infinities: they
// are written as strings, as are times; durations as their counts; enums by their names if they are described.

namespace lockstep::derived {

void append_integer(std::string& out, std::int64_t value);
void append_integer(std::string& out, std::uint64_t value);
void append_real(std::string& out, double value);
void append_quoted(std::string& out, std::string_view text);
void append_json_real(std::string& out, double value);
void append_real(std::string& out, float value);
/// As UTF-8.
void append_character(std::string& out, std::uint32_t value);
/// After a count of durations of num/den seconds: `ms`, or `[1/30]s`.
void append_unit(std::string& out, std::int64_t num, std::int64_t den);
/// `2026-11-26T13:54:00.123Z`, of so many units of num/den seconds since 1970; as coarse as the unit, to a day.
void append_time(std::string& out, std::int64_t count, std::int64_t num, std::int64_t den);

/// A described enum's name, or an empty text.
template <class T>
std::string_view enumerator_name(const T& value) {
  std::string_view name;
  if constexpr (boost::describe::has_describe_enumerators<T>::value) {
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto enumerator) {
      if (enumerator.value == value) name = enumerator.name;
    });
  }
  return name;
}

/// Times of the system's clock in whole units.
template <class T>
concept CivilTime =
    shape::TimePoint<T> && std::same_as<typename T::clock, std::chrono::system_clock> && std::integral<typename T::rep>;

template <class T>
void print(std::string& out, const T& value) {
  if constexpr (std::same_as<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (shape::Character<T>) {
    std::string text;
    append_character(text, shape::unwrap(value));
    append_quoted(out, text);
  } else if constexpr (shape::Enumeration<T>) {
    const std::string_view name = enumerator_name(value);
    name.empty() ? print(out, shape::unwrap(value)) : void(out += name);
  } else if constexpr (shape::Duration<T>) {
    print(out, value.count());
    append_unit(out, T::period::num, T::period::den);
  } else if constexpr (CivilTime<T>) {
    append_time(out, value.time_since_epoch().count(), T::period::num, T::period::den);
  } else if constexpr (shape::TimePoint<T>) {
    print(out, value.time_since_epoch());
  } else if constexpr (shape::Integer<T>) {
    using Wide = std::conditional_t<std::signed_integral<T>, std::int64_t, std::uint64_t>;
    append_integer(out, static_cast<Wide>(value));
  } else if constexpr (shape::Real<T>) {
    append_real(out, value);
  } else if constexpr (shape::Text<T>) {
    append_quoted(out, value);
  } else if constexpr (shape::Optional<T>) {
    value ? row_traits<typename T::value_type>::print(out, *value) : void(out += "none");
  } else if constexpr (shape::Sequence<T>) {
    out += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i != 0) out += ", ";
      row_traits<typename T::value_type>::print(out, value[i]);
    }
    out += ']';
  } else {
    std::size_t at = 0;
    const auto field = [&](const auto& one) {
      out += at == 0 ? (Described<T> ? "{" : "(") : ", ";
      if constexpr (Described<T>) out.append(shape::field_names<T>[at]).append(": ");
      ++at;
      row_traits<std::remove_cvref_t<decltype(one)>>::print(out, one);
    };
    shape::with_fields(value, [&](const auto&... one) { (field(one), ...); });
    if (at == 0) out += Described<T> ? '{' : '(';
    out += Described<T> ? '}' : ')';
  }
}

/// The names of fields as they are described.
struct DescribedNames {
  template <Described T>
  std::string_view operator()(std::type_identity<T>, std::size_t field) const {
    return shape::field_names<T>[field];
  }
};

/// `names` may also have a write(out, part), for types of parts that it writes itself.
template <class T, class Names = DescribedNames>
void write_json(std::string& out, const T& value, const Names& names = {}) {
  const auto write = [&]<class Part>(const Part& part) {
    if constexpr (requires { names.write(out, part); }) {
      names.write(out, part);
    } else if constexpr (std::same_as<Names, DescribedNames> || !shape::is_derived<Part>) {
      row_traits<Part>::write_json(out, part);
    } else {
      write_json(out, part, names);
    }
  };
  if constexpr (shape::Real<T>) {
    append_json_real(out, value);
  } else if constexpr (shape::Enumeration<T>) {
    const std::string_view name = enumerator_name(value);
    name.empty() ? write_json(out, shape::unwrap(value)) : append_quoted(out, name);
  } else if constexpr (shape::Duration<T>) {
    write_json(out, value.count());
  } else if constexpr (CivilTime<T>) {
    out += '"';
    print(out, value);
    out += '"';
  } else if constexpr (shape::TimePoint<T>) {
    write_json(out, value.time_since_epoch());
  } else if constexpr (shape::Optional<T>) {
    value ? write(*value) : void(out += "null");
  } else if constexpr (shape::Sequence<T>) {
    out += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i != 0) out += ',';
      write(static_cast<const typename T::value_type&>(value[i]));
    }
    out += ']';
  } else if constexpr (shape::Composite<T>) {
    out += Described<T> ? '{' : '[';
    std::size_t at = 0;
    const auto field = [&](const auto& part) {
      if (at != 0) out += ',';
      if constexpr (Described<T>) {
        append_quoted(out, names(std::type_identity<T>(), at));
        out += ':';
      }
      ++at;
      write(part);
    };
    shape::with_fields(value, [&](const auto&... part) { (field(part), ...); });
    out += Described<T> ? '}' : ']';
  } else {
    print(out, value);
  }
}

}  // namespace lockstep::derived
