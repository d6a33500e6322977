#pragma once

#include <cstdint>

#include "runtime/bytes.hpp"
#include "runtime/weight.hpp"

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

/// A 192-bit sum of 128-bit integers: what a step adds to a sum. Cannot overflow in less than 2^64 additions.
class WideSum {
 public:
  void add(Int128 value) {
    const UnsignedInt128 before = static_cast<UnsignedInt128>(static_cast<Int128>(low_));
    const UnsignedInt128 after = before + static_cast<UnsignedInt128>(value);
    high_ += (value < 0 ? -1 : 0) + (after < before ? 1 : 0);
    low_ = static_cast<Int128>(after);
  }
  void add(const WideSum& other) {
    const UnsignedInt128 before = static_cast<UnsignedInt128>(static_cast<Int128>(low_));
    const UnsignedInt128 after = before + static_cast<UnsignedInt128>(static_cast<Int128>(other.low_));
    high_ += other.high_ + (after < before ? 1 : 0);
    low_ = static_cast<Int128>(after);
  }

  bool fits128() const { return high_ == (static_cast<Int128>(low_) < 0 ? -1 : 0); }
  /// REQUIRES: fits128().
  Int128 value() const { return low_; }

 private:
  Packed128 low_ = 0;
  std::int64_t high_ = 0;
};

}  // namespace lockstep
