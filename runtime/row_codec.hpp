#pragma once

#include <utility>

#include "runtime/bytes.hpp"
#include "runtime/row_shape.hpp"

// The compact binary coding of rows. Two rows are equal exactly when their codings are.

namespace lockstep::derived {

template <class T>
void encode(Encoder& out, const T& value) {
  if constexpr (std::same_as<T, bool>) {
    out.byte(value);
  } else if constexpr (std::signed_integral<T>) {
    out.zigzag(value);
  } else if constexpr (std::unsigned_integral<T>) {
    out.varint(value);
  } else if constexpr (shape::Real<T>) {
    out.fixed64(std::bit_cast<std::uint64_t>(value));
  } else if constexpr (shape::Text<T>) {
    out.bytes(value);
  } else if constexpr (shape::Optional<T>) {
    out.byte(value.has_value());
    if (value) row_traits<typename T::value_type>::encode(out, *value);
  } else if constexpr (shape::Sequence<T>) {
    out.varint(value.size());
    for (const auto& element : value) row_traits<typename T::value_type>::encode(out, element);
  } else {
    std::apply(
        [&out](const auto&... field) { (row_traits<std::remove_cvref_t<decltype(field)>>::encode(out, field), ...); },
        shape::fields(value));
  }
}

inline bool decode_flag(Decoder& in) {
  const std::uint8_t flag = in.byte();
  if (flag > 1) throw DecodeError("a flag is neither 0 nor 1");
  return flag == 1;
}

template <class T>
T decode(Decoder& in) {
  if constexpr (std::same_as<T, bool>) {
    return decode_flag(in);
  } else if constexpr (std::integral<T>) {
    const auto wide = [&in] {
      if constexpr (std::signed_integral<T>) {
        return in.zigzag();
      } else {
        return in.varint();
      }
    }();
    if (!std::in_range<T>(wide)) throw DecodeError("an integer does not fit its field");
    return static_cast<T>(wide);
  } else if constexpr (shape::Real<T>) {
    return std::bit_cast<double>(in.fixed64());
  } else if constexpr (shape::Text<T>) {
    return T(in.bytes());
  } else if constexpr (shape::Optional<T>) {
    if (!decode_flag(in)) return T{};
    return T(row_traits<typename T::value_type>::decode(in));
  } else if constexpr (shape::Sequence<T>) {
    T result;
    for (std::uint64_t left = in.varint(); left != 0; --left) {
      result.push_back(row_traits<typename T::value_type>::decode(in));
      if (left > 1 && in.at_end()) throw DecodeError("the bytes end too early");
    }
    return result;
  } else {
    return [&in]<class... Field>(std::tuple<Field...>*) {
      // Braces fix the order of evaluation.
      if constexpr (shape::TupleLike<T>) {
        return T{row_traits<std::remove_cvref_t<Field>>::decode(in)...};
      } else {
        T result{};
        std::apply(
            [&in](auto&... field) { ((field = row_traits<std::remove_cvref_t<decltype(field)>>::decode(in)), ...); },
            shape::fields(result));
        return result;
      }
    }(static_cast<shape::FieldTuple<T>*>(nullptr));
  }
}

}  // namespace lockstep::derived
