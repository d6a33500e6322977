#include "operators/groups/exact_sum.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

namespace lockstep {

namespace {

/// limbs += value · 2^shift; what does not fit is lost.
void add_shifted(std::span<std::uint64_t> limbs, Int128 value, unsigned shift) {
  const auto sign = static_cast<std::uint64_t>(value < 0 ? -1 : 0);
  const auto wide = static_cast<UnsignedInt128>(value);
  const unsigned bits = shift % 64;
  const std::uint64_t low = static_cast<std::uint64_t>(wide);
  const std::uint64_t high = static_cast<std::uint64_t>(wide >> 64);
  const std::uint64_t parts[3] = {low << bits, bits == 0 ? high : high << bits | low >> (64 - bits),
                                  bits == 0 ? sign : sign << bits | high >> (64 - bits)};
  std::uint64_t carry = 0;
  for (std::size_t i = shift / 64, part = 0; i < limbs.size(); ++i, ++part) {
    const UnsignedInt128 sum = static_cast<UnsignedInt128>(limbs[i]) + (part < 3 ? parts[part] : sign) + carry;
    limbs[i] = static_cast<std::uint64_t>(sum);
    carry = static_cast<std::uint64_t>(sum >> 64);
  }
}

bool is_negative(std::span<const std::uint64_t> limbs) { return (limbs.back() >> 63) != 0; }

void negate_limbs(std::span<std::uint64_t> limbs) {
  std::uint64_t carry = 1;
  for (std::uint64_t& limb : limbs) {
    limb = ~limb + carry;
    carry = carry != 0 && limb == 0 ? 1 : 0;
  }
}

template <class Limbs>
bool all_zero(const Limbs& limbs) {
  std::uint64_t any = 0;
  for (const std::uint64_t limb : limbs) any |= limb;
  return any == 0;
}

/// a += b, both of one length; what does not fit is lost.
void add_limbs(std::span<std::uint64_t> a, std::span<const std::uint64_t> b) {
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const UnsignedInt128 sum = static_cast<UnsignedInt128>(a[i]) + b[i] + carry;
    a[i] = static_cast<std::uint64_t>(sum);
    carry = static_cast<std::uint64_t>(sum >> 64);
  }
}

/// How far the number can be shifted up without losing its sign.
unsigned headroom(std::span<const std::uint64_t> limbs) {
  const std::uint64_t sign = is_negative(limbs) ? ~std::uint64_t{0} : 0;
  unsigned bits = 0;
  for (std::size_t i = limbs.size(); i-- != 0;) {
    const auto same = static_cast<unsigned>(std::countl_zero(limbs[i] ^ sign));
    bits += same;
    if (same != 64) break;
  }
  return bits - 1;
}

unsigned trailing_zeros(std::span<const std::uint64_t> limbs) {
  unsigned bits = 0;
  for (const std::uint64_t limb : limbs) {
    bits += static_cast<unsigned>(std::countr_zero(limb));
    if (limb != 0) break;
  }
  return bits;
}

void shift_up(std::span<std::uint64_t> limbs, unsigned shift) {
  for (std::size_t i = limbs.size(), skip = shift / 64; i-- != 0;) {
    const std::uint64_t high = i >= skip ? limbs[i - skip] : 0;
    const std::uint64_t low = i > skip ? limbs[i - skip - 1] : 0;
    limbs[i] = shift % 64 == 0 ? high : high << shift % 64 | low >> (64 - shift % 64);
  }
}

void shift_down(std::span<std::uint64_t> limbs, unsigned shift) {
  const std::uint64_t sign = is_negative(limbs) ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0, skip = shift / 64; i < limbs.size(); ++i) {
    const std::uint64_t low = i + skip < limbs.size() ? limbs[i + skip] : sign;
    const std::uint64_t high = i + skip + 1 < limbs.size() ? limbs[i + skip + 1] : sign;
    limbs[i] = shift % 64 == 0 ? low : low >> shift % 64 | high << (64 - shift % 64);
  }
}

/// (magnitude · 2^exponent), and a little more if `sticky`, to the nearest double, ties to even.
double to_double(std::span<const std::uint64_t> magnitude, int exponent, bool sticky) {
  std::size_t top = magnitude.size();
  while (top != 0 && magnitude[top - 1] == 0) --top;
  if (top == 0) return 0;
  const int zeros = std::countl_zero(magnitude[top - 1]);
  std::uint64_t head = magnitude[top - 1] << zeros;
  if (top >= 2) {
    if (zeros != 0) head |= magnitude[top - 2] >> (64 - zeros);
    sticky |= zeros == 0 ? magnitude[top - 2] != 0 : magnitude[top - 2] << zeros != 0;
  }
  for (std::size_t i = 0; i + 2 < top; ++i) sticky |= magnitude[i] != 0;
  // head · 2^scale with the top bit of head set.
  const int scale = exponent + static_cast<int>(top - 1) * 64 - zeros;
  constexpr int kSmallest = -1074;
  const int drop = std::max(11, kSmallest - scale);  // bits of head below the result's precision
  if (drop > 64) return 0;
  const std::uint64_t kept = drop == 64 ? 0 : head >> drop;
  const std::uint64_t half = std::uint64_t{1} << (drop - 1);
  const std::uint64_t rest = drop == 64 ? head : head & (half * 2 - 1);
  const bool up = rest > half || (rest == half && (sticky || (kept & 1) != 0));
  return std::ldexp(static_cast<double>(kept + (up ? 1 : 0)), scale + drop);
}

}  // namespace

double rounded_quotient(std::span<const std::uint64_t> limbs, int exponent, std::int64_t divisor) {
  // Two limbs below the point give the quotient of any integer by a divisor of 64 bits more than 53 bits of precision.
  constexpr std::size_t kBelow = 2;
  std::array<std::uint64_t, 48> magnitude{};
  const std::size_t size = limbs.size() + kBelow;
  std::copy(limbs.begin(), limbs.end(), magnitude.begin() + kBelow);
  const std::span<std::uint64_t> number(magnitude.data(), size);
  const bool negative = is_negative(number);
  if (negative) negate_limbs(number);
  const std::uint64_t by = divisor < 0 ? 0 - static_cast<std::uint64_t>(divisor) : static_cast<std::uint64_t>(divisor);
  std::uint64_t remainder = 0;
  for (std::size_t i = size; i-- != 0;) {
    const UnsignedInt128 part = static_cast<UnsignedInt128>(remainder) << 64 | number[i];
    number[i] = static_cast<std::uint64_t>(part / by);
    remainder = static_cast<std::uint64_t>(part % by);
  }
  const double result = to_double(number, exponent - static_cast<int>(64 * kBelow), remainder != 0);
  return negative != (divisor < 0) && result != 0 ? -result : result;
}

ExactSum::ExactSum(const ExactSum& other)
    : window_(other.window_),
      base_(other.base_),
      whole_(other.whole_ == nullptr ? nullptr : std::make_unique<Whole>(*other.whole_)) {}

ExactSum& ExactSum::operator=(ExactSum other) noexcept {
  std::swap(window_, other.window_);
  std::swap(base_, other.base_);
  std::swap(whole_, other.whole_);
  return *this;
}

void ExactSum::add(double value, Weight weight) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const int field = static_cast<int>(bits >> 52 & 0x7ff);
  std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
  if (field == 0x7ff) {
    Whole& whole = widen();
    (fraction != 0 ? whole.nan : value > 0 ? whole.positive_infinity : whole.negative_infinity) += weight;
    narrow();
    return;
  }
  if (field != 0) fraction |= std::uint64_t{1} << 52;
  const int exponent = (field == 0 ? 1 : field) - 1075;
  Int128 mantissa = static_cast<Int128>(fraction) * weight;
  if (value < 0) mantissa = -mantissa;
  if (mantissa == 0) return;
  if (whole_ == nullptr && add_to_window(mantissa, exponent)) return;
  add_shifted(widen().limbs, mantissa, static_cast<unsigned>(exponent - kLowest));
  narrow();
}

/// Moves the window so that `base` is its lowest bit, if its number allows.
bool ExactSum::rebase(int base) {
  const auto distance = static_cast<unsigned>(std::abs(base_ - base));
  if (base < base_) {
    if (distance > headroom(window_)) return false;
    shift_up(window_, distance);
  } else {
    if (distance > trailing_zeros(window_)) return false;
    shift_down(window_, distance);
  }
  base_ = base;
  return true;
}

/// Whether the sum is in the window still; if not, it is as before.
bool ExactSum::add_to_window(Int128 mantissa, int exponent) {
  constexpr int kMaxShift = 64 * kWindowLimbs - 118;  // 117 bits of weight times mantissa, and a sign
  if (all_zero(window_)) base_ = exponent - 40;
  if (exponent < base_ && !rebase(exponent)) return false;
  if (exponent - base_ > kMaxShift && !rebase(exponent - kMaxShift)) return false;
  const Window before = window_;
  add_shifted(window_, mantissa, static_cast<unsigned>(exponent - base_));
  return settle_window(before, mantissa < 0);
}

/// After adding something of this sign: undoes it if the sum has left the window.
bool ExactSum::settle_window(const Window& before, bool added_negative) {
  if (is_negative(before) != added_negative || is_negative(window_) == added_negative) return true;
  window_ = before;
  return false;
}

ExactSum::Whole& ExactSum::widen() {
  if (whole_ != nullptr) return *whole_;
  whole_ = std::make_unique<Whole>();
  if (!all_zero(window_)) {
    const bool negative = is_negative(window_);
    if (negative) negate_limbs(window_);
    for (int i = 0; i < kWindowLimbs; ++i) {
      const auto limb = static_cast<Int128>(window_[static_cast<std::size_t>(i)]);
      // The lowest bits of a window below the whole range are zero: no double reaches there.
      const int shift = base_ + 64 * i - kLowest;
      const Int128 part = shift < 0 ? limb >> -shift : limb;
      if (part != 0) add_shifted(whole_->limbs, negative ? -part : part, static_cast<unsigned>(std::max(shift, 0)));
    }
    window_ = {};
  }
  return *whole_;
}

/// Goes back to the window if the whole range is not needed any more.
void ExactSum::narrow() {
  if (whole_->positive_infinity != 0 || whole_->negative_infinity != 0 || whole_->nan != 0) return;
  const auto& limbs = whole_->limbs;
  std::size_t lowest = 0;
  while (lowest < limbs.size() && limbs[lowest] == 0) ++lowest;
  if (lowest == limbs.size()) {
    whole_.reset();
    return;
  }
  const std::uint64_t sign = is_negative(limbs) ? ~std::uint64_t{0} : 0;
  const std::size_t above = lowest + kWindowLimbs - 1;  // a limb of the window, at least, is left for growth
  for (std::size_t i = above; i < limbs.size(); ++i) {
    if (limbs[i] != sign) return;
  }
  for (std::size_t i = 0; i < kWindowLimbs; ++i) {
    window_[i] = lowest + i < limbs.size() ? limbs[lowest + i] : sign;
  }
  base_ = kLowest + 64 * static_cast<int>(lowest);
  whole_.reset();
}

void ExactSum::add(const ExactSum& other) {
  if (other.is_zero()) return;
  if (whole_ == nullptr && other.whole_ == nullptr && add_window(other)) return;
  ExactSum copy(other);
  const Whole& from = copy.widen();
  Whole& to = widen();
  add_limbs(to.limbs, from.limbs);
  to.positive_infinity += from.positive_infinity;
  to.negative_infinity += from.negative_infinity;
  to.nan += from.nan;
  narrow();
}

/// Like add_to_window, of another window.
bool ExactSum::add_window(const ExactSum& other) {
  if (all_zero(window_)) {
    window_ = other.window_;
    base_ = other.base_;
    return true;
  }
  ExactSum aligned;
  aligned.window_ = other.window_;
  aligned.base_ = other.base_;
  if (!aligned.rebase(base_) && !rebase(aligned.base_)) return false;
  const Window before = window_;
  add_limbs(window_, aligned.window_);
  return settle_window(before, is_negative(aligned.window_));
}

bool ExactSum::is_zero() const { return whole_ == nullptr && all_zero(window_); }

double ExactSum::rounded(std::int64_t divisor) const {
  if (whole_ == nullptr) return all_zero(window_) ? 0 : rounded_quotient(window_, base_, divisor);
  // A weight of −1 of +∞ is −∞, and the other way round.
  const bool up = whole_->positive_infinity > 0 || whole_->negative_infinity < 0;
  const bool down = whole_->positive_infinity < 0 || whole_->negative_infinity > 0;
  if (whole_->nan != 0 || (up && down)) return std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  if (up || down) return up == (divisor > 0) ? infinity : -infinity;
  return rounded_quotient(whole_->limbs, kLowest, divisor);
}

void ExactSum::encode(Encoder& out) const {
  ExactSum copy(*this);
  const Whole& whole = copy.widen();
  std::size_t begin = 0;
  while (begin < kWholeLimbs && whole.limbs[begin] == 0) ++begin;
  out.varint(kWholeLimbs - begin);
  for (std::size_t i = begin; i < kWholeLimbs; ++i) out.fixed64(whole.limbs[i]);
  Packed128(whole.positive_infinity).encode(out);
  Packed128(whole.negative_infinity).encode(out);
  Packed128(whole.nan).encode(out);
}

ExactSum ExactSum::decode(Decoder& in) {
  ExactSum sum;
  Whole& whole = sum.widen();
  const std::uint64_t limbs = in.varint();
  if (limbs > kWholeLimbs) throw DecodeError("a sum has more limbs than there are");
  for (std::size_t i = kWholeLimbs - limbs; i < kWholeLimbs; ++i) whole.limbs[i] = in.fixed64();
  whole.positive_infinity = Packed128::decode(in);
  whole.negative_infinity = Packed128::decode(in);
  whole.nan = Packed128::decode(in);
  sum.narrow();
  return sum;
}

}  // namespace lockstep
