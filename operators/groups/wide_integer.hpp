#pragma once

#include <concepts>
#include <cstdint>

#include "runtime/rows/bytes.hpp"
#include "runtime/zset/weights.hpp"

namespace lockstep {

__extension__ using UnsignedInt128 = unsigned __int128;

/// A 128-bit integer that is aligned like a 64-bit one, which keeps states small.
class Packed128 {
 public:
  Packed128() = default;
  Packed128(Int128 value) : low_(static_cast<std::uint64_t>(value)), high_(static_cast<std::int64_t>(value >> 64)) {}
  operator Int128() const {
    return static_cast<Int128>(static_cast<UnsignedInt128>(static_cast<Int128>(high_)) << 64 | low_);
  }

  void encode(Encoder& out) const {
    out.fixed64(low_);
    out.zigzag(high_);
  }
  static Packed128 decode(Decoder& in) {
    Packed128 result;
    result.low_ = in.fixed64();
    result.high_ = in.zigzag();
    return result;
  }

 private:
  std::uint64_t low_ = 0;
  std::int64_t high_ = 0;
};

/// Keeps of a value what a word can hold; returns how often the word's range it is off.
template <std::integral Word>
std::int64_t wrap(Int128 value, Word& word) {
  static_assert(sizeof(Word) == 8);
  word = static_cast<Word>(value);
  return static_cast<std::int64_t>((value - static_cast<Int128>(word)) >> 64);
}

/// A sum that a step gathers, as low + 2^64 · high with a signed low: while the sum fits 64 bits, adding costs no more
/// than an addition and a branch that is never taken. With a High of 64 bits it holds 128 bits, with one of 128 bits
/// 192.
template <class High>
class SplitSum {
 public:
  /// A product of two 64-bit integers.
  void add_product(std::int64_t a, std::int64_t b) {
    std::int64_t product = 0;
    std::int64_t sum = 0;
    if (__builtin_mul_overflow(a, b, &product) || __builtin_add_overflow(low_, product, &sum)) [[unlikely]] {
      add(static_cast<Int128>(a) * b);
    } else {
      low_ = sum;
    }
  }
  void add(Int128 value) {
    const auto low = static_cast<std::int64_t>(value);
    add_parts(low, (value >> 64) + (low < 0 ? 1 : 0));
  }

  /// Adds this to a sum that wraps around; returns how often it did (see add_wrapping).
  Int128 add_to(Int128& sum) const {
    const Int128 high = floor_high();
    const auto high_word = static_cast<std::int64_t>(high);
    const auto value =
        static_cast<Int128>(static_cast<UnsignedInt128>(high_word) << 64 | static_cast<std::uint64_t>(low_));
    return ((high - high_word) >> 64) + add_wrapping(sum, value);
  }
  template <std::integral Word>
  Int128 add_to(Word& sum) const {
    return static_cast<Int128>(high_) + wrap(static_cast<Int128>(sum) + low_, sum);
  }

 private:
  void add_parts(std::int64_t low, Int128 high) {
    if (__builtin_add_overflow(low_, low, &low_)) high += low < 0 ? -1 : 1;
    if (high != 0) high_ = static_cast<High>(static_cast<Int128>(high_) + high);
  }
  /// The high part, for a low part without a sign.
  Int128 floor_high() const { return static_cast<Int128>(high_) + (low_ < 0 ? -1 : 0); }

  std::int64_t low_ = 0;
  High high_ = 0;
};

/// What a step adds to a weight: cannot overflow in less than 2^63 additions.
using WeightSum = SplitSum<std::int64_t>;
/// What a step adds to a sum of products: cannot overflow in less than 2^63 additions.
using WideSum = SplitSum<Packed128>;

}  // namespace lockstep
