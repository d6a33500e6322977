#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <bit>
#include <cstring>

#include "runtime/rows/shape.hpp"

// The hash that decides slots: XXH3, fixed for ever, since saved state is laid out by it. A row of constant
// size is hashed as the packed little-endian image of its fields; a string as its bytes; anything else as the
// image of the hashes of its parts.

namespace lockstep::derived {

static_assert(std::endian::native == std::endian::little, "the slot hash is defined on little-endian images");

template <class T>
std::byte* pack(std::byte* out, const T& value) {
  if constexpr (shape::Composite<T>) {
    shape::with_fields(value, [&out](const auto&... field) { ((out = pack(out, field)), ...); });
    return out;
  } else if constexpr (shape::Wrapped<T> && !shape::Character<T>) {
    return pack(out, shape::unwrap(value));
  } else {
    std::memcpy(out, &value, sizeof value);
    return out + sizeof value;
  }
}

/// XXH3 of an image of constant size. GCC does not inline XXH3_64bits, of which nothing but a few multiplications is
/// left for a size that is known; its parts are forced inline.
template <std::size_t size>
std::uint64_t hash_image(const void* image) {
  if constexpr (size <= 16) {
    return XXH3_len_0to16_64b(static_cast<const std::uint8_t*>(image), size, XXH3_kSecret, 0);
  } else if constexpr (size <= 128) {
    return XXH3_len_17to128_64b(static_cast<const std::uint8_t*>(image), size, XXH3_kSecret, sizeof XXH3_kSecret, 0);
  } else {
    return XXH3_64bits(image, size);
  }
}

template <class T>
std::uint64_t hash(const T& value) {
  if constexpr (shape::PackedSize<T>::value != 0) {
    std::byte image[shape::PackedSize<T>::value];
    pack(image, value);
    return hash_image<sizeof image>(image);
  } else if constexpr (shape::Text<T>) {
    return XXH3_64bits(value.data(), value.size());
  } else if constexpr (shape::Wrapped<T>) {
    return hash(shape::unwrap(value));
  } else if constexpr (shape::Optional<T>) {
    const std::uint64_t image[] = {value.has_value(), value ? row_traits<typename T::value_type>::hash(*value) : 0};
    return hash_image<sizeof image>(image);
  } else if constexpr (shape::Sequence<T>) {
    std::uint64_t result = value.size();
    for (const auto& element : value) {
      const std::uint64_t part = row_traits<typename T::value_type>::hash(element);
      result = XXH3_64bits_withSeed(&part, sizeof part, result);
    }
    return result;
  } else {
    return shape::with_fields(value, [](const auto&... field) -> std::uint64_t {
      if constexpr (sizeof...(field) == 0) {
        return 0;
      } else {
        const std::uint64_t image[] = {row_traits<std::remove_cvref_t<decltype(field)>>::hash(field)...};
        return hash_image<sizeof image>(image);
      }
    });
  }
}

}  // namespace lockstep::derived
