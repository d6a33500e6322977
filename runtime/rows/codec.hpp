#pragma once

#include <utility>

#include "runtime/rows/bytes.hpp"
#include "runtime/rows/shape.hpp"

// The compact binary coding of rows. Two rows are equal exactly when their codings are.

namespace lockstep::derived {

template <class T>
void encode(Encoder& out, const T& value) {
  if constexpr (std::same_as<T, bool>) {
    out.byte(value);
  } else if constexpr (shape::Wrapped<T>) {
    encode(out, shape::unwrap(value));
  } else if constexpr (std::same_as<T, float>) {
    out.fixed32(std::bit_cast<std::uint32_t>(value));
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
    for (const auto& element : value) {
      if constexpr (shape::may_be_no_bytes<typename T::value_type>) out.byte(0);  // so that damage cannot ask for many
      row_traits<typename T::value_type>::encode(out, element);
    }
  } else {
    shape::with_fields(value, [&out](const auto&... field) {
      (row_traits<std::remove_cvref_t<decltype(field)>>::encode(out, field), ...);
    });
  }
}

inline bool decode_flag(Decoder& in) {
  const std::uint8_t flag = in.byte();
  if (flag > 1) throw DecodeError("a flag is neither 0 nor 1");
  return flag == 1;
}

inline void decode_nothing(Decoder& in) {
  if (in.byte() != 0) throw DecodeError("a row of no bytes has some");
}

template <class T>
T decode(Decoder& in) {
  if constexpr (std::same_as<T, bool>) {
    return decode_flag(in);
  } else if constexpr (shape::Wrapped<T>) {
    return shape::wrap<T>(decode<shape::Inner<T>>(in));
  } else if constexpr (std::same_as<T, float>) {
    return std::bit_cast<float>(in.fixed32());
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
    const std::uint64_t count = in.varint();
    if (count > in.remaining()) throw DecodeError("the bytes end too early");  // each has one at least
    result.reserve(count);
    for (std::uint64_t left = count; left != 0; --left) {
      if constexpr (shape::may_be_no_bytes<typename T::value_type>) decode_nothing(in);
      result.push_back(row_traits<typename T::value_type>::decode(in));
    }
    return result;
  } else {
    return [&in]<class... Field>(shape::FieldList<Field...>*) {
      // Braces fix the order of evaluation.
      if constexpr (shape::TupleLike<T>) {
        return T{row_traits<Field>::decode(in)...};
      } else {
        T result{};
        shape::with_fields(result, [&in](auto&... field) {
          ((field = row_traits<std::remove_cvref_t<decltype(field)>>::decode(in)), ...);
        });
        return result;
      }
    }(static_cast<shape::Fields<T>*>(nullptr));
  }
}

}  // namespace lockstep::derived
