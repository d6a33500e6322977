#include "runtime/zset/consolidate.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>

namespace ls = lockstep;

namespace {

using Rows = ls::Batch<std::pair<std::int64_t, std::string>>;

std::map<std::pair<std::int64_t, std::string>, std::int64_t> contents(const Rows& rows) {
  std::map<std::pair<std::int64_t, std::string>, std::int64_t> sums;
  for (const auto& [row, weight] : rows) {
    if ((sums[row] += weight) == 0) sums.erase(row);
  }
  return sums;
}

}  // namespace

TEST_CASE("consolidating merges equal rows and drops zeros, for few rows and many, in order or not") {
  ls::Consolidator<std::pair<std::int64_t, std::string>> consolidator;
  std::mt19937_64 random(5);
  for (const std::size_t size : {0U, 1U, 2U, 8U, 9U, 100U, 3000U}) {
    for (const unsigned distinct : {1U, 3U, 50U, 100000U}) {
      for (const bool ordered : {false, true}) {
        Rows rows;
        for (std::size_t i = 0; i < size; ++i) {
          const auto number = static_cast<std::int64_t>(random() % distinct);
          rows.push_back({{number, std::to_string(number)}, static_cast<std::int64_t>(random() % 3) - 1});
        }
        if (ordered) ls::sort_rows(rows);
        const auto expected = contents(rows);
        consolidator.consolidate(rows);
        CHECK(rows.size() == expected.size());
        CHECK(contents(rows) == expected);
        for (const auto& item : rows) CHECK(item.weight != 0);
      }
    }
  }
}

TEST_CASE("consolidating judges overflow by the sum") {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  ls::Consolidator<std::int64_t> consolidator;
  ls::Batch<std::int64_t> rows{{1, kMax}, {1, kMax}, {1, -kMax}};
  CHECK_NOTHROW(consolidator.consolidate(rows));
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].weight == kMax);
  ls::Batch<std::int64_t> too_many{{1, kMax}, {2, 1}, {1, 1}};
  CHECK_THROWS_AS(consolidator.consolidate(too_many), ls::RowError);
}
