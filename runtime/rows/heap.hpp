#pragma once

#include <cstddef>

#include "runtime/rows/shape.hpp"

// What rows hold on the heap, so that state can say how large it is. It follows from their values alone: what is kept
// of a row is a copy, which has no room to spare.

namespace lockstep {

/// What an allocator takes for so many bytes, about.
constexpr std::size_t allocated_bytes(std::size_t bytes) { return (bytes + 15) / 16 * 16; }

/// Bytes that a row holds on the heap: of a type with traits of its own, what row_traits::heap_bytes says, or else
/// none.
template <class T>
std::size_t heap_bytes(const T& row);

namespace derived {

/// Out of line, for the memory that programs take to compile.
template <class T>
[[gnu::noinline]] std::size_t heap_bytes(const T& row) {
  if constexpr (shape::Text<T>) {
    return row.size() <= std::string().capacity() ? 0 : allocated_bytes(row.size() + 1);
  } else if constexpr (shape::Optional<T>) {
    return row ? lockstep::heap_bytes(*row) : 0;
  } else if constexpr (std::same_as<T, std::vector<bool>>) {
    return allocated_bytes((row.size() + 7) / 8);
  } else if constexpr (shape::Sequence<T>) {
    std::size_t bytes = allocated_bytes(row.size() * sizeof(typename T::value_type));
    if constexpr (!kBitwise<typename T::value_type>) {
      for (const auto& element : row) bytes += lockstep::heap_bytes(element);
    }
    return bytes;
  } else {
    return shape::with_fields(
        row, [](const auto&... field) { return (std::size_t{0} + ... + lockstep::heap_bytes(field)); });
  }
}

}  // namespace derived

template <class T>
std::size_t heap_bytes(const T& row) {
  if constexpr (kBitwise<T>) {
    return 0;
  } else if constexpr (shape::is_derived<T>) {
    return derived::heap_bytes(row);
  } else {
    if constexpr (requires { row_traits<T>::heap_bytes(row); }) return row_traits<T>::heap_bytes(row);
    return 0;
  }
}

}  // namespace lockstep
