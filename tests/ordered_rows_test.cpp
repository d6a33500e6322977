#include "runtime/state/ordered_rows.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>

namespace ls = lockstep;

namespace {

using Model = std::map<std::string, std::int64_t>;

void equals(const ls::OrderedRows<std::string>& pages, const Model& model) {
  auto expected = model.begin();
  pages.for_each([&](const std::string& row, ls::Weight weight) {
    REQUIRE(expected != model.end());
    REQUIRE(row == expected->first);
    REQUIRE(weight == expected->second);
    ++expected;
  });
  REQUIRE(expected == model.end());
  REQUIRE(pages.size() == model.size());
  if (model.empty()) return;
  REQUIRE(pages.first() == model.begin()->first);
  REQUIRE(pages.last() == model.rbegin()->first);
}

std::string text(std::uint64_t number) { return "row number " + std::to_string(1000000 + number); }

}  // namespace

TEST_CASE("ordered pages keep rows in order through growing and shrinking") {
  for (const std::uint32_t page_rows : {2U, 3U, 8U, 256U}) {
    ls::OrderedRows<std::string> pages({.page_rows = page_rows});
    Model model;
    std::mt19937_64 random(3);
    for (int i = 0; i < 4000; ++i) {
      std::string row = text(random() % 700);
      auto weight = static_cast<std::int64_t>(random() % 5) - 2;
      if (i > 2000 && !model.empty()) {
        auto victim = model.lower_bound(row);
        if (victim == model.end()) victim = model.begin();
        row = victim->first;
        weight = -victim->second;
      }
      pages.add(row, weight);
      if ((model[row] += weight) == 0) model.erase(row);
      if (i % 250 == 0) equals(pages, model);
    }
    equals(pages, model);
  }
}

TEST_CASE("rows in ascending or descending order make dense pages") {
  ls::OrderedRows<std::int64_t> up({.page_rows = 64});
  ls::OrderedRows<std::int64_t> down({.page_rows = 64});
  for (std::int64_t i = 0; i < 6400; ++i) {
    up.add(i, 1);
    down.add(-i, 1);
  }
  CHECK(up.bytes() < 6400 * 16 * 5 / 4);
  CHECK(down.bytes() < 6400 * 16 * 5 / 2);
  CHECK(up.last() == 6399);
  CHECK(down.first() == -6399);
}

TEST_CASE("a shared copy of ordered pages stays as it was") {
  ls::OrderedRows<std::string> pages({.page_rows = 4});
  Model model;
  for (std::uint64_t i = 0; i < 100; ++i) {
    pages.add(text(i), 1);
    model[text(i)] = 1;
  }
  const auto pin = pages.pin();
  for (std::uint64_t i = 0; i < 100; i += 3) pages.add(text(i), -1);
  for (std::uint64_t i = 200; i < 300; ++i) pages.add(text(i), 1);
  equals(pin, model);
}
