#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/row_shape.hpp"

// Rows as text for people, `{id: 1, amount: 10}` and `(3, -6)`, and as JSON. JSON has no NaN and no
// infinities: they are written as strings.

namespace lockstep::derived {

void append_integer(std::string& out, std::int64_t value);
void append_integer(std::string& out, std::uint64_t value);
void append_real(std::string& out, double value);
void append_quoted(std::string& out, std::string_view text);
void append_json_real(std::string& out, double value);

template <class T>
void print(std::string& out, const T& value) {
  const auto list = [&out](const auto& tuple, char open, char close, auto&& label) {
    out += open;
    std::size_t at = 0;
    std::apply(
        [&](const auto&... field) {
          ((out += at == 0 ? "" : ", ", label(at++),
            row_traits<std::remove_cvref_t<decltype(field)>>::print(out, field)),
           ...);
        },
        tuple);
    out += close;
  };
  if constexpr (std::same_as<T, bool>) {
    out += value ? "true" : "false";
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
  } else if constexpr (Described<T>) {
    list(shape::fields(value), '{', '}', [&out](std::size_t i) { out.append(shape::field_names<T>[i]).append(": "); });
  } else {
    list(shape::fields(value), '(', ')', [](std::size_t) {});
  }
}

template <class T>
void write_json(std::string& out, const T& value) {
  if constexpr (shape::Real<T>) {
    append_json_real(out, value);
  } else if constexpr (shape::Optional<T>) {
    value ? row_traits<typename T::value_type>::write_json(out, *value) : void(out += "null");
  } else if constexpr (shape::Sequence<T>) {
    out += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i != 0) out += ',';
      row_traits<typename T::value_type>::write_json(out, value[i]);
    }
    out += ']';
  } else if constexpr (shape::Composite<T>) {
    out += Described<T> ? '{' : '[';
    std::size_t at = 0;
    const auto field = [&](const auto& part) {
      if (at != 0) out += ',';
      if constexpr (Described<T>) {
        append_quoted(out, shape::field_names<T>[at]);
        out += ':';
      }
      ++at;
      row_traits<std::remove_cvref_t<decltype(part)>>::write_json(out, part);
    };
    std::apply([&](const auto&... part) { (field(part), ...); }, shape::fields(value));
    out += Described<T> ? '}' : ']';
  } else {
    print(out, value);
  }
}

}  // namespace lockstep::derived
