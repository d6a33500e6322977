#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <vector>

#include "runtime/graph/pulse.hpp"

namespace ls = lockstep;

namespace {

/// As a worker does it: level by level, to the end of each.
std::vector<std::uint32_t> take_all(ls::DirtySet& due, const std::vector<std::uint32_t>& ends) {
  std::vector<std::uint32_t> taken;
  std::uint32_t next = 0;
  for (const std::uint32_t end : ends) {
    for (std::uint32_t node = due.take(next, end); node != end; node = due.take(next, end)) {
      REQUIRE(node < end);
      taken.push_back(node);
      next = node + 1;
    }
    next = end;
  }
  return taken;
}

}  // namespace

TEST_CASE("due nodes are taken in order, whichever words and levels they lie in") {
  constexpr std::uint32_t kNodes = 300;
  std::minstd_rand random(1);
  const auto below = [&random](std::uint32_t end) { return static_cast<std::uint32_t>(random() % end); };
  ls::DirtySet due;
  due.resize(kNodes);
  for (int round = 0; round < 2000; ++round) {
    std::set<std::uint32_t> expected;
    const std::uint32_t count = below(round % 2 == 0 ? 8 : 300);
    for (std::uint32_t i = 0; i < count; ++i) expected.insert(below(kNodes));
    for (const std::uint32_t node : expected) due.set(node);
    std::set<std::uint32_t> ends{kNodes};
    for (std::uint32_t i = below(6); i != 0; --i) ends.insert(below(kNodes));
    if (round % 3 == 0) ends.insert({64, 128});
    const std::vector<std::uint32_t> taken = take_all(due, {ends.begin(), ends.end()});
    REQUIRE(taken == std::vector<std::uint32_t>(expected.begin(), expected.end()));
  }
}

TEST_CASE("a node that is taken may make later ones due") {
  ls::DirtySet due;
  due.resize(200);
  due.set(0);
  std::vector<std::uint32_t> taken;
  std::uint32_t next = 0;
  for (std::uint32_t node = due.take(next, 200); node != 200; node = due.take(next, 200)) {
    taken.push_back(node);
    next = node + 1;
    if (node + 1 < 200) due.set(node + 1);
    if (node == 0) due.set(130);
    if (node == 3) break;
  }
  CHECK(taken == std::vector<std::uint32_t>{0, 1, 2, 3});
  CHECK(due.take(next, 200) == 4);
  CHECK(due.take(5, 200) == 130);
  CHECK(due.take(131, 200) == 200);
}
