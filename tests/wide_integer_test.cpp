#include "operators/groups/wide_integer.hpp"

#include <boost/multiprecision/cpp_int.hpp>
#include <catch2/catch.hpp>
#include <random>

namespace ls = lockstep;
using Exact = boost::multiprecision::cpp_int;

namespace {

Exact exact(ls::Int128 value) { return Exact(value); }

/// What a sum is worth, seen through what it adds to `start`.
Exact exact(const ls::WideSum& sum, ls::Int128 start = 0) {
  ls::Int128 low = start;
  const ls::Int128 carry = sum.add_to(low);
  return Exact(low) + (Exact(carry) << 128) - Exact(start);
}
template <class Word, class Sum>
Exact exact_in_word(const Sum& sum, Word start) {
  Word low = start;
  const ls::Int128 carry = sum.add_to(low);
  return Exact(low) + (Exact(carry) << 64) - start;
}
Exact exact(const ls::WeightSum& sum, std::int64_t start = 0) { return exact_in_word(sum, start); }

}  // namespace

TEST_CASE("a packed integer is the integer") {
  for (const ls::Int128 value : {ls::Int128{0}, ls::Int128{-1}, ls::Int128{1} << 100, -(ls::Int128{1} << 100) - 7}) {
    CHECK(exact(ls::Packed128(value)) == exact(value));
    std::string bytes;
    ls::Encoder out(bytes);
    ls::Packed128(value).encode(out);
    ls::Decoder in(bytes);
    CHECK(exact(ls::Packed128::decode(in)) == exact(value));
  }
}

TEST_CASE("a wide sum is right beyond 128 bits") {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    ls::WideSum sum;
    Exact expected = 0;
    for (int i = 0; i < 50; ++i) {
      const auto value = static_cast<ls::Int128>(static_cast<std::int64_t>(random())) *
                             static_cast<std::int64_t>(random()) * (round % 2 == 0 ? 1 : 0) +
                         static_cast<std::int64_t>(random());
      expected += exact(value);
      sum.add(value);
    }
    for (const ls::Int128 start : {ls::Int128{0}, ls::Int128{-1}, ls::Int128{1} << 126, -(ls::Int128{1} << 126)}) {
      CHECK(exact(sum, start) == expected);
    }
  }
}

TEST_CASE("products add up exactly, whether they fit 64 bits or not") {
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const std::int64_t least = std::numeric_limits<std::int64_t>::min();
  ls::WideSum sum;
  ls::WeightSum weight;
  Exact expected = 0;
  Exact expected_weight = 0;
  for (const std::int64_t a : {std::int64_t{1}, most, least, std::int64_t{-3}, most, most}) {
    for (const std::int64_t b : {least, most, std::int64_t{-1}, std::int64_t{7}}) {
      sum.add_product(a, b);
      expected += Exact(a) * b;
      REQUIRE(exact(sum) == expected);
      for (const std::int64_t start : {std::int64_t{-1}, most, least}) REQUIRE(exact_in_word(sum, start) == expected);
      REQUIRE(exact_in_word(sum, std::uint64_t{1} << 63) == expected);
    }
    weight.add_product(1, a);
    expected_weight += a;
    for (const std::int64_t start : {std::int64_t{0}, most, least}) REQUIRE(exact(weight, start) == expected_weight);
  }
}

TEST_CASE("carries tell how often a sum has wrapped around") {
  std::int64_t sum = std::numeric_limits<std::int64_t>::max();
  CHECK(ls::add_wrapping(sum, std::int64_t{1}) == 1);
  CHECK(sum == std::numeric_limits<std::int64_t>::min());
  CHECK(ls::add_wrapping(sum, std::int64_t{-1}) == -1);
  CHECK(sum == std::numeric_limits<std::int64_t>::max());
  CHECK(ls::add_wrapping(sum, std::int64_t{0}) == 0);
}

TEST_CASE("a wide sum that overflowed and came back is exact") {
  const ls::Int128 huge = (ls::Int128{1} << 126) + 5;
  ls::WideSum sum;
  for (int i = 0; i < 8; ++i) sum.add(huge);
  CHECK(exact(sum) == 8 * exact(huge));
  for (int i = 0; i < 7; ++i) sum.add(-huge);
  CHECK(exact(sum) == exact(huge));
}
