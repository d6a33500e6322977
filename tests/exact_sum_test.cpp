#include "operators/groups/exact_sum.hpp"

#include <boost/multiprecision/cpp_int.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

#include "tests/exact_rounding.hpp"

namespace ls = lockstep;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Items = std::vector<std::pair<double, std::int64_t>>;

ls::ExactSum sum_of(const Items& items) {
  ls::ExactSum sum;
  for (const auto& [value, weight] : items) sum.add(value, weight);
  return sum;
}

std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

double random_double(std::mt19937_64& random, int exponents) {
  for (;;) {
    const auto spread = static_cast<int>(random() % static_cast<unsigned>(2 * exponents + 1)) - exponents;
    const double value = std::ldexp(static_cast<double>(static_cast<std::int64_t>(random())), spread - 63);
    if (std::isfinite(value)) return value;
  }
}

}  // namespace

TEST_CASE("a sum of doubles is the exact sum rounded once") {
  std::mt19937_64 random(42);
  for (const int exponents : {0, 5, 40, 200, 1000}) {
    for (int round = 0; round < 300; ++round) {
      Items items;
      for (std::size_t i = 0; i < 1 + random() % 30; ++i) {
        items.emplace_back(random_double(random, exponents), static_cast<std::int64_t>(random() % 7) - 3);
        if (random() % 4 == 0) items.emplace_back(items.back().first, -items.back().second);
      }
      const std::int64_t divisor = random() % 2 == 0 ? 1 : static_cast<std::int64_t>(random() % 1000) - 500;
      if (divisor == 0) continue;
      INFO("exponents " << exponents << ", round " << round);
      REQUIRE(bits(sum_of(items).rounded(divisor)) == bits(ls::tests::exactly_rounded(items, divisor)));
    }
  }
}

TEST_CASE("the order of additions does not matter, nor where they were combined") {
  std::mt19937_64 random(43);
  for (const int exponents : {3, 60, 900}) {
    Items items;
    for (int i = 0; i < 60; ++i) {
      items.emplace_back(random_double(random, exponents), static_cast<std::int64_t>(random() % 9) - 4);
    }
    const std::uint64_t expected = bits(sum_of(items).rounded());
    for (int round = 0; round < 50; ++round) {
      std::shuffle(items.begin(), items.end(), random);
      REQUIRE(bits(sum_of(items).rounded()) == expected);
      const auto middle = items.begin() + static_cast<std::ptrdiff_t>(random() % items.size());
      ls::ExactSum sum = sum_of(Items(items.begin(), middle));
      sum.add(sum_of(Items(middle, items.end())));
      REQUIRE(bits(sum.rounded()) == expected);
    }
  }
}

TEST_CASE("what is added and taken back leaves no trace") {
  std::mt19937_64 random(44);
  ls::ExactSum sum;
  Items items;
  for (int i = 0; i < 500; ++i) {
    const double value = i % 50 == 0 ? kInfinity : i % 77 == 0 ? std::nan("") : random_double(random, 1000);
    items.emplace_back(value, static_cast<std::int64_t>(random() % 5) - 2);
    sum.add(items.back().first, items.back().second);
  }
  std::shuffle(items.begin(), items.end(), random);
  for (const auto& [value, weight] : items) sum.add(value, -weight);
  CHECK(sum.is_zero());
  CHECK(sum.heap_bytes() == 0);
  CHECK(bits(sum.rounded()) == bits(0.0));
}

TEST_CASE("infinities and NaN are counted") {
  CHECK(sum_of({{kInfinity, 1}, {5, 1}}).rounded() == kInfinity);
  CHECK(sum_of({{kInfinity, -1}}).rounded() == -kInfinity);
  CHECK(std::isnan(sum_of({{kInfinity, 1}, {-kInfinity, 1}}).rounded()));
  CHECK(sum_of({{kInfinity, 1}, {-kInfinity, -1}}).rounded() == kInfinity);
  CHECK(std::isnan(sum_of({{std::nan(""), 1}, {1, 1}}).rounded()));
  CHECK(sum_of({{kInfinity, 1}, {std::nan(""), 2}, {1, 1}, {kInfinity, -1}, {std::nan(""), -2}}).rounded() == 1);
  CHECK(sum_of({{kInfinity, 1}}).rounded(-2) == -kInfinity);
}

TEST_CASE("a sum beyond the largest double is infinite and comes back") {
  constexpr double kMax = std::numeric_limits<double>::max();
  ls::ExactSum sum = sum_of({{kMax, 1}, {kMax, 1}});
  CHECK(sum.rounded() == kInfinity);
  CHECK(sum.rounded(2) == kMax);
  sum.add(kMax, -1);
  CHECK(sum.rounded() == kMax);
}

TEST_CASE("the smallest doubles and the ties between them round to even") {
  constexpr double kTiny = std::numeric_limits<double>::denorm_min();
  CHECK(bits(sum_of({{kTiny, 3}}).rounded(2)) == bits(2 * kTiny));
  CHECK(bits(sum_of({{kTiny, 1}}).rounded(2)) == bits(0.0));
  CHECK(bits(sum_of({{kTiny, 1}}).rounded(3)) == bits(0.0));
  CHECK(bits(sum_of({{kTiny, 2}}).rounded(3)) == bits(kTiny));
  CHECK(bits(sum_of({{kTiny, -3}}).rounded(2)) == bits(-2 * kTiny));
}

TEST_CASE("ordinary sums stay in the window and need no heap") {
  std::mt19937_64 random(45);
  ls::ExactSum sum;
  for (int i = 0; i < 100000; ++i) sum.add(random_double(random, 20), 1);
  CHECK(sum.heap_bytes() == 0);
}

TEST_CASE("a saved sum is the same sum") {
  std::mt19937_64 random(46);
  for (const int exponents : {3, 1000}) {
    Items items{{kInfinity, 3}};
    for (int i = 0; i < 40; ++i) items.emplace_back(random_double(random, exponents), 1);
    ls::ExactSum sum = sum_of(items);
    std::string bytes;
    ls::Encoder out(bytes);
    sum.encode(out);
    ls::Decoder in(bytes);
    ls::ExactSum loaded = ls::ExactSum::decode(in);
    CHECK(in.at_end());
    loaded.add(kInfinity, -3);
    sum.add(kInfinity, -3);
    CHECK(bits(loaded.rounded()) == bits(sum.rounded()));
  }
}
