#include <catch2/catch.hpp>
#include <lockstep.hpp>

#include "tests/delta_text.hpp"

namespace ls = lockstep;
using Number = std::int64_t;
using Numbers = std::vector<ls::Weighted<Number>>;

namespace {

/// All set operators over two inputs of numbers.
struct Sets {
  explicit Sets(unsigned workers) : runtime(flow, {.workers = workers}) {}

  void push(const Numbers& of_a, const Numbers& of_b) {
    runtime[a].push(of_a);
    runtime[b].push(of_b);
    step = runtime.step();
  }
  std::string delta(const ls::Output<Number>& out) const { return text(step[out]); }

  ls::Dataflow flow;
  ls::Input<Number> a = flow.input<Number>("a");
  ls::Input<Number> b = flow.input<Number>("b");
  ls::Output<Number> in_either = a | ls::union_(b) | ls::output("union");
  ls::Output<Number> all = a | ls::union_all(b) | ls::output("union all");
  ls::Output<Number> common = a | ls::intersect(b) | ls::output("intersect");
  ls::Output<Number> all_common = a | ls::intersect_all(b) | ls::output("intersect all");
  ls::Output<Number> rest = a | ls::except(b) | ls::output("except");
  ls::Output<Number> all_rest = a | ls::except_all(b) | ls::output("except all");
  ls::Runtime runtime;
  ls::Step step;
};

}  // namespace

TEST_CASE("union, intersect and except are of sets, their _all forms of multisets", "[sets]") {
  Sets sets(GENERATE(1U, 3U));
  sets.push({{1, 3}, {2, 1}, {3, 1}}, {{1, 2}, {3, 4}, {4, 1}});
  CHECK(sets.delta(sets.in_either) == "1 +1, 2 +1, 3 +1, 4 +1");
  CHECK(sets.delta(sets.all) == "1 +5, 2 +1, 3 +5, 4 +1");
  CHECK(sets.delta(sets.common) == "1 +1, 3 +1");
  CHECK(sets.delta(sets.all_common) == "1 +2, 3 +1");
  CHECK(sets.delta(sets.rest) == "2 +1");
  CHECK(sets.delta(sets.all_rest) == "1 +1, 2 +1");

  sets.push({{1, -2}, {2, -1}}, {{1, 1}, {3, -4}, {4, 1}});
  CHECK(sets.delta(sets.in_either) == "2 -1");
  CHECK(sets.delta(sets.all) == "1 -1, 2 -1, 3 -4, 4 +1");
  CHECK(sets.delta(sets.common) == "3 -1");
  CHECK(sets.delta(sets.all_common) == "1 -1, 3 -1");
  CHECK(sets.delta(sets.rest) == "2 -1, 3 +1");
  CHECK(sets.delta(sets.all_rest) == "1 -1, 2 -1, 3 +1");
}

TEST_CASE("a row of negative weight is in no set", "[sets]") {
  Sets sets(GENERATE(1U, 3U));
  sets.push({{1, -1}, {2, 1}}, {{2, -3}});
  CHECK(sets.delta(sets.in_either) == "2 +1");
  CHECK(sets.delta(sets.all) == "2 +1");
  CHECK(sets.delta(sets.common).empty());
  CHECK(sets.delta(sets.all_common).empty());
  CHECK(sets.delta(sets.rest) == "2 +1");
  CHECK(sets.delta(sets.all_rest) == "2 +1");
}

TEST_CASE("a set of a stream and itself", "[sets]") {
  auto flow = one_output<Number>(GENERATE(1U, 3U), [](auto& in) {
    return in | ls::union_(in) | ls::except(in | ls::filter([](Number n) { return n > 5; })) | ls::output("out");
  });
  CHECK(flow.step({{1, 2}, {7, 1}}) == "1 +1");
  CHECK(flow.step({{1, -2}, {3, 1}}) == "1 -1, 3 +1");
}

TEST_CASE("sets of keyed streams stay keyed", "[sets]") {
  using Pair = std::pair<Number, Number>;
  auto flow = one_output<Pair>(GENERATE(1U, 3U), [](auto& in) {
    auto keyed = in | ls::key_by(&Pair::first, &Pair::second);
    auto small = keyed | ls::filter([](Number value) { return value < 3; });
    auto both = keyed | ls::intersect(small);
    static_assert(decltype(both)::kKeyed);
    return both | ls::group_by(ls::key, ls::sum(ls::value)) | ls::output("out");
  });
  CHECK(flow.step({{{1, 2}, 5}, {{1, 1}, 1}, {{1, 9}, 1}}) == "(1, 3) +1");
}
