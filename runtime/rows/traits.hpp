#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "runtime/rows/codec.hpp"
#include "runtime/rows/hash.hpp"
#include "runtime/rows/heap.hpp"
#include "runtime/rows/order.hpp"
#include "runtime/rows/schema.hpp"
#include "runtime/rows/text.hpp"

namespace lockstep {

namespace shape {

template <class T>
concept Derivable = std::integral<T> || Wrapped<T> || Real<T> || Text<T> || Optional<T> || Sequence<T> || Composite<T>;

}  // namespace shape

/// All that the engine ever does with a row. Derived for integers, bool, characters, enums, float, double, std::string,
/// times and durations of std::chrono, pairs, tuples, optionals, vectors and structs described with
/// BOOST_DESCRIBE_STRUCT, and any nesting of these; specialise it for a row type of your own. Rules that a
/// specialisation has to keep: `compare` is a total order, `equal(a, b)` is `compare(a, b) == 0` and implies equal
/// hashes and equal codings, `hash` never changes. It may have heap_bytes(row), so that state says how large it is.
template <class T>
struct row_traits {
  static_assert(shape::Derivable<T>,
                "lockstep: this type cannot be a row. Describe the struct with BOOST_DESCRIBE_STRUCT at namespace "
                "scope, or specialise lockstep::row_traits for it");
  static_assert(shape::describes_all<T>,
                "lockstep: this row has members that BOOST_DESCRIBE_STRUCT leaves out. Describe all data members, and "
                "base classes, in the order in which they are declared");
  static_assert(!Described<T> || std::is_default_constructible_v<T>,
                "lockstep: this row has no default constructor, which it needs to be read back");

  /// Marks the derived traits; a specialisation does not have it.
  using Derived = T;

  /// Whether normalise() can change anything.
  static constexpr bool kHasReals = shape::AnyReal<T>::value;

  static bool equal(const T& a, const T& b) { return derived::equal(a, b); }
  static std::strong_ordering compare(const T& a, const T& b) { return derived::compare(a, b); }
  static std::uint64_t hash(const T& row) { return derived::hash(row); }
  static void normalise(T& row) { derived::normalise(row); }
  static void print(std::string& out, const T& row) { derived::print(out, row); }
  static void write_json(std::string& out, const T& row) { derived::write_json(out, row); }
  static void encode(Encoder& out, const T& row) { derived::encode(out, row); }
  static T decode(Decoder& in) { return derived::decode<T>(in); }
  static Schema schema() { return derived::schema<T>(); }
};

/// Moving a row must not throw.
template <class T>
concept Row = std::copyable<T> && std::is_nothrow_move_constructible_v<T> &&
    requires(T row, std::string text, Encoder out, Decoder in) {
  { row_traits<T>::kHasReals } -> std::convertible_to<bool>;
  { row_traits<T>::equal(row, row) } -> std::same_as<bool>;
  { row_traits<T>::compare(row, row) } -> std::same_as<std::strong_ordering>;
  { row_traits<T>::hash(row) } -> std::same_as<std::uint64_t>;
  row_traits<T>::normalise(row);
  row_traits<T>::print(text, row);
  row_traits<T>::encode(out, row);
  { row_traits<T>::decode(in) } -> std::same_as<T>;
  { row_traits<T>::schema() } -> std::same_as<Schema>;
};

/// `{id: 1, amount: 10}`, `(3, -6)`.
template <class T>
std::string to_string(const T& row) {
  std::string out;
  row_traits<T>::print(out, row);
  return out;
}

/// `{"id":1,"amount":10}`, `[3,-6]`.
template <class T>
std::string to_json(const T& row) {
  std::string out;
  row_traits<T>::write_json(out, row);
  return out;
}

inline constexpr std::uint8_t kRowCodingVersion = 1;

/// The row's coding after a byte that names the coding's version.
template <class T>
std::string encode_row(const T& row) {
  std::string out;
  Encoder encoder(out);
  encoder.byte(kRowCodingVersion);
  row_traits<T>::encode(encoder, row);
  return out;
}

/// Reads back what encode_row wrote. Throws DecodeError on anything else, trailing bytes included.
template <class T>
T decode_row(std::string_view bytes) {
  Decoder decoder(bytes);
  if (decoder.byte() != kRowCodingVersion) throw DecodeError("the row was written in another version of the coding");
  T row = row_traits<T>::decode(decoder);
  if (!decoder.at_end()) throw DecodeError("there are bytes after the row");
  return row;
}

template <class T>
void normalise(T& row) {
  if constexpr (row_traits<T>::kHasReals) row_traits<T>::normalise(row);
}

/// A row as it is kept; itself, if it cannot be another one.
template <class T>
decltype(auto) normalised(const T& row) {
  if constexpr (row_traits<T>::kHasReals) {
    T normal = row;
    row_traits<T>::normalise(normal);
    return normal;
  } else {
    return (row);
  }
}

}  // namespace lockstep

/// Described rows print with fmt as they print everywhere.
template <lockstep::Described T>
struct fmt::formatter<T> : fmt::formatter<std::string_view> {
  template <class Context>
  auto format(const T& row, Context& context) const {
    return fmt::formatter<std::string_view>::format(lockstep::to_string(row), context);
  }
};
