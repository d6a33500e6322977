#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "operators/groups/wide_integer.hpp"
#include "runtime/rows/bytes.hpp"
#include "runtime/zset/weights.hpp"

namespace lockstep {

/// The nearest double, ties to even, to (a two's complement integer of these limbs, lowest first) · 2^exponent /
/// divisor. REQUIRES: divisor != 0.
double rounded_quotient(std::span<const std::uint64_t> limbs, int exponent, std::int64_t divisor);

/// A sum of doubles times weights, exact: whatever the order, the result is that of infinite precision, rounded
/// once. Adding and taking back leaves no trace. (The idea of a long accumulator: Kulisch, "Computer
/// Arithmetic and Validity", 2013.) It is a 256-bit window of the binary point's line; when the exponents met
/// demand more, or for infinities and NaN, which are counted, it takes an accumulator of the whole range.
class ExactSum {
 public:
  ExactSum() = default;
  ExactSum(const ExactSum& other);
  ExactSum(ExactSum&&) noexcept = default;
  ExactSum& operator=(ExactSum other) noexcept;
  ~ExactSum() = default;

  void add(double value, Weight weight);
  void add(const ExactSum& other);

  /// Whether it is as if nothing had been added.
  bool is_zero() const;
  /// The sum divided by `divisor`, rounded once; infinities and NaN as their weights have it. REQUIRES: divisor != 0.
  double rounded(std::int64_t divisor = 1) const;

  /// Bytes on the heap.
  std::size_t heap_bytes() const { return whole_ == nullptr ? 0 : sizeof(Whole); }

  /// See state_form::exact_sum().
  void encode(Encoder& out) const;
  static ExactSum decode(Decoder& in);

 private:
  static constexpr int kWindowLimbs = 4;
  static constexpr int kLowest = -1088;   // exponent of the whole range's lowest bit, a multiple of 64
  static constexpr int kWholeLimbs = 37;  // 2^-1088 up to 2^1024, and room for weights and carries

  using Window = std::array<std::uint64_t, kWindowLimbs>;
  struct Whole {
    std::array<std::uint64_t, kWholeLimbs> limbs{};
    // Sums of the weights of what is no number.
    Int128 positive_infinity = 0;
    Int128 negative_infinity = 0;
    Int128 nan = 0;
  };

  bool add_to_window(Int128 mantissa, int exponent);
  bool add_window(const ExactSum& other);
  bool rebase(int base);
  bool settle_window(const Window& before, bool added_negative);
  Whole& widen();
  void narrow();

  Window window_{};
  int base_ = 0;  // the exponent of the window's lowest bit
  std::unique_ptr<Whole> whole_;
};

}  // namespace lockstep
