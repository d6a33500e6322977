#include "tests/exact_rounding.hpp"

#include <bit>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <limits>

namespace lockstep::tests {

namespace {

using Rational = boost::multiprecision::cpp_rational;
using Integer = boost::multiprecision::cpp_int;

Rational exact(double value) {
  int exponent;
  const double fraction = std::frexp(value, &exponent);
  const Integer mantissa(static_cast<std::int64_t>(std::ldexp(fraction, 53)));
  exponent -= 53;
  return exponent >= 0 ? Rational(mantissa << exponent) : Rational(mantissa, Integer(1) << -exponent);
}

}  // namespace

double exactly_rounded(const std::vector<std::pair<double, std::int64_t>>& items, std::int64_t divisor) {
  Rational sum = 0;
  for (const auto& [value, weight] : items) sum += exact(value) * weight;
  sum /= divisor;
  const bool negative = sum < 0;
  const Rational wanted = negative ? Rational(-sum) : sum;
  // Doubles that are not negative are ordered like their bits: search for the last one that is not above.
  std::uint64_t low = 0;
  std::uint64_t high = std::bit_cast<std::uint64_t>(std::numeric_limits<double>::infinity());
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (exact(std::bit_cast<double>(middle)) <= wanted ? low : high) = middle;
  }
  const Rational below = exact(std::bit_cast<double>(low));
  // Infinity stands where the next double would be.
  const double above_double = std::bit_cast<double>(high);
  const Rational above = std::isinf(above_double) ? Rational(Integer(1) << 1024) : exact(above_double);
  const Rational middle = (below + above) / 2;
  const bool up = wanted > middle || (wanted == middle && (low & 1) != 0);
  const double result = std::bit_cast<double>(up ? high : low);
  return negative && result != 0 ? -result : result;
}

}  // namespace lockstep::tests
