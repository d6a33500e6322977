#pragma once

#include <lockstep.hpp>

namespace lockstep::property {

/// What the hash of the rows below does: the engine must give the same deltas under all of them.
enum class HashStyle { normal, all_equal, one_slot, one_tag, seeded, count };

struct HashKnob {
  HashStyle style = HashStyle::normal;
  std::uint64_t seed = 0;

  std::uint64_t operator()(std::uint64_t hash) const {
    switch (style) {
      case HashStyle::all_equal: return 0x1234'5678'9abc'def0;
      case HashStyle::one_slot: return (hash >> kSlotBits) | std::uint64_t{700} << (64 - kSlotBits);
      case HashStyle::one_tag: return (hash & ~std::uint64_t{0xffff'ffff}) | 77;
      case HashStyle::seeded: return (hash ^ seed) * 0x9e37'79b9'7f4a'7c15;
      default: return hash;
    }
  }
};

/// Set before a runtime is made, and left alone while it lives.
inline HashKnob hash_knob;

struct Key {
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(Key, (), (id))

struct Rec {
  Key k;
  std::int64_t v = 0;
  std::optional<std::int64_t> o;
  double x = 0;
  std::string s = {};  // so that rows are more than bytes; numbers by key are the ones that are not
};
BOOST_DESCRIBE_STRUCT(Rec, (), (k, v, o, x, s))

/// The derived behaviour but for the hash.
template <class T>
struct KnobbedTraits {
  static constexpr bool kHasReals = shape::AnyReal<T>::value;

  static bool equal(const T& a, const T& b) { return derived::equal(a, b); }
  static std::strong_ordering compare(const T& a, const T& b) { return derived::compare(a, b); }
  static std::uint64_t hash(const T& row) { return hash_knob(derived::hash(row)); }
  static void normalise(T& row) { derived::normalise(row); }
  static void print(std::string& out, const T& row) { derived::print(out, row); }
  static void write_json(std::string& out, const T& row) { derived::write_json(out, row); }
  static void encode(Encoder& out, const T& row) { derived::encode(out, row); }
  static T decode(Decoder& in) { return derived::decode<T>(in); }
  static Schema schema() { return derived::schema<T>(); }
};

}  // namespace lockstep::property

template <>
struct lockstep::row_traits<lockstep::property::Key> : lockstep::property::KnobbedTraits<lockstep::property::Key> {};
template <>
struct lockstep::row_traits<lockstep::property::Rec> : lockstep::property::KnobbedTraits<lockstep::property::Rec> {};
