#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <lockstep.hpp>
#include <map>
#include <mutex>

#include "tests/delta_text.hpp"

namespace ls = lockstep;
using Number = std::int64_t;
using Catch::Matchers::Contains;

TEST_CASE("map gives each row's image with the row's weight", "[operators]") {
  auto flow = one_output<Number>(
      GENERATE(1U, 3U), [](auto& in) { return in | ls::map([](Number n) { return n / 2; }) | ls::output("out"); });
  CHECK(flow.step({{4, 1}, {5, 2}, {6, -1}}) == "2 +3, 3 -1");
  CHECK(flow.step({{4, 1}, {5, -1}}).empty());
}

TEST_CASE("filter keeps the rows that its function likes, weights and all", "[operators]") {
  auto flow = one_output<Number>(
      GENERATE(1U, 3U), [](auto& in) { return in | ls::filter([](Number n) { return n > 2; }) | ls::output("out"); });
  CHECK(flow.step({{1, 1}, {2, 5}, {3, -4}, {4, 2}}) == "3 -4, 4 +2");
  CHECK(flow.step({{1, -1}}).empty());
}

TEST_CASE("flat_map gives each row of a vector, an array or an optional the weight of its origin", "[operators]") {
  const unsigned workers = GENERATE(1U, 3U);
  auto vectors = one_output<Number>(workers, [](auto& in) {
    return in | ls::flat_map([](Number n) { return std::vector<Number>(static_cast<std::size_t>(n), n); }) |
           ls::output("out");
  });
  CHECK(vectors.step({{0, 7}, {1, 2}, {3, -2}}) == "1 +2, 3 -6");
  auto arrays = one_output<Number>(workers, [](auto& in) {
    return in | ls::flat_map([](Number n) { return std::array<Number, 2>{n, -n}; }) | ls::output("out");
  });
  CHECK(arrays.step({{0, 1}, {2, 3}}) == "-2 +3, 0 +2, 2 +3");
  auto optionals = one_output<Number>(workers, [](auto& in) {
    return in | ls::flat_map([](Number n) { return n > 1 ? std::optional<Number>(10 * n) : std::nullopt; }) |
           ls::output("out");
  });
  CHECK(optionals.step({{1, 1}, {2, -3}}) == "20 -3");
}

TEST_CASE("inspect sees the consolidated delta with its time and passes it on", "[operators]") {
  std::mutex mutex;
  std::map<Number, std::pair<ls::Weight, std::uint64_t>> seen;
  const auto look = [&](Number n, ls::Weight weight, ls::Time time) {
    const std::lock_guard lock(mutex);
    CHECK_FALSE(seen.contains(n));
    seen[n] = {weight, time.step};
  };
  auto flow =
      one_output<Number>(GENERATE(1U, 3U), [&](auto& in) { return in | ls::inspect(look) | ls::output("out"); });
  CHECK(flow.step({{1, 1}, {2, 1}, {1, 2}, {3, 1}, {3, -1}}) == "1 +3, 2 +1");
  CHECK(seen == decltype(seen){{1, {3, 1}}, {2, {1, 1}}});
  seen.clear();
  CHECK(flow.step({{2, -1}}) == "2 -1");
  CHECK(seen == decltype(seen){{2, {-1, 2}}});
}

TEST_CASE("negate, plus and minus are the algebra of Z-sets", "[operators]") {
  ls::Dataflow flow;
  auto a = flow.input<Number>("a");
  auto b = flow.input<Number>("b");
  auto negated = a | ls::negate() | ls::output("-a");
  auto sum = a | ls::plus(b) | ls::output("a+b");
  auto difference = a | ls::minus(b) | ls::output("a-b");
  auto nothing = a | ls::minus(a) | ls::output("a-a");
  auto twice = a | ls::plus(a) | ls::output("a+a");
  auto mapped = a | ls::map([](Number n) { return n + 1; }) | ls::plus(b | ls::filter([](Number n) { return n > 1; })) |
                ls::output("mapped");
  ls::Runtime runtime(flow, {.workers = GENERATE(1U, 3U)});
  runtime[a].push(std::vector<ls::Weighted<Number>>{{1, 1}, {2, 3}});
  runtime[b].push(std::vector<ls::Weighted<Number>>{{1, -1}, {2, 3}, {3, 5}});
  const auto step = runtime.step();
  CHECK(text(step[negated]) == "1 -1, 2 -3");
  CHECK(text(step[sum]) == "2 +6, 3 +5");
  CHECK(text(step[difference]) == "1 +2, 3 -5");
  CHECK(text(step[nothing]).empty());
  CHECK(text(step[twice]) == "1 +2, 2 +6");
  CHECK(text(step[mapped]) == "2 +4, 3 +8");
}

TEST_CASE("distinct has each row whose weight is positive once", "[operators]") {
  auto flow = one_output<Number>(GENERATE(1U, 3U), [](auto& in) { return in | ls::distinct() | ls::output("out"); });
  CHECK(flow.step({{1, 5}, {2, -1}, {3, 1}, {3, -1}}) == "1 +1");
  CHECK(flow.step({{1, -4}, {2, 1}}).empty());
  CHECK(flow.step({{1, -1}, {2, 1}}) == "1 -1, 2 +1");
  CHECK(flow.step({{1, -7}, {2, -3}}) == "2 -1");
  CHECK(flow.step({{1, 8}}) == "1 +1");
}

TEST_CASE("gather brings all rows to one worker", "[operators]") {
  auto flow = one_output<Number>(GENERATE(1U, 3U), [](auto& in) { return in | ls::gather() | ls::output("out"); });
  CHECK(flow.step({{1, 1}, {2, 1}, {1, 1}}) == "1 +2, 2 +1");
  for (const auto& one : flow.runtime.metrics().operators) {
    if (one.name == "consolidate(gather(in))" && one.worker != 0) CHECK(one.rows_in == 0);
  }
}

TEST_CASE("an output's delta has each row once, and its contents are the sum of its deltas", "[operators]") {
  auto flow = one_output<Number>(GENERATE(1U, 3U), [](auto& in) { return in | ls::output("out", ls::accumulated); });
  CHECK(flow.step({{1, 1}, {2, 1}, {1, 1}, {4, 1}, {4, -1}}) == "1 +2, 2 +1");
  CHECK(flow.step({{2, -1}, {1, -5}, {3, 1}}) == "1 -5, 2 -1, 3 +1");
  const auto contents = flow.runtime.snapshot()[flow.out];
  CHECK(text(contents) == "1 -3, 3 +1");
  CHECK(contents.size() == 2);
  CHECK(contents.weight_of(1) == -3);
  CHECK(contents.weight_of(2) == 0);
}

TEST_CASE("a named chain is one edge, evaluated once however many read it", "[operators]") {
  std::atomic<int> calls = 0;
  const auto count = [&calls](Number n) {
    ++calls;
    return n;
  };
  ls::Dataflow flow;
  auto in = flow.input<Number>("in");
  auto named = in | ls::map(count);
  auto one = named | ls::output("one");
  auto two = named | ls::filter([](Number n) { return n > 1; }) | ls::output("two");
  const ls::Stream<Number> erased = in | ls::map(count) | ls::negate();
  auto three = erased | ls::output("three");
  auto four = erased | ls::distinct() | ls::output("four");
  ls::Runtime runtime(flow, {.workers = GENERATE(1U, 3U)});
  runtime[in].push(std::vector<Number>{1, 2, 3});
  const auto step = runtime.step();
  CHECK(calls == 6);
  CHECK(text(step[one]) == "1 +1, 2 +1, 3 +1");
  CHECK(text(step[two]) == "2 +1, 3 +1");
  CHECK(text(step[three]) == "1 -1, 2 -1, 3 -1");
  CHECK(text(step[four]).empty());
}

TEST_CASE("doubles are normalised on entry and after every function of the user's", "[operators]") {
  auto flow = one_output<double>(GENERATE(1U, 3U), [](auto& in) {
    return in | ls::plus(in | ls::map([](double x) { return -x; })) | ls::output("out");
  });
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(flow.step({{0.0, 1}, {-0.0, 1}, {nan, 1}, {-nan, 1}}) == "0 +4, nan +4");
}

TEST_CASE("mistakes in a flow are found when it is built, and named", "[operators]") {
  ls::Dataflow flow;
  ls::Dataflow other;
  auto in = flow.input<Number>("in");
  auto foreign = other.input<Number>("foreign");
  (void)(in | ls::output("out"));
  CHECK_THROWS_WITH(flow.input<double>("in"), Contains("input 'in'"));
  CHECK_THROWS_AS(flow.input<double>("in"), ls::FlowError);
  CHECK_THROWS_WITH(in | ls::distinct() | ls::output("out"), Contains("output 'out'"));
  CHECK_THROWS_AS(in | ls::output("out"), ls::FlowError);
  CHECK_THROWS_WITH(in | ls::plus(foreign), Contains("plus") && Contains("different dataflows"));
  CHECK_THROWS_AS(in | ls::minus(foreign), ls::FlowError);
}

TEST_CASE("handles of another dataflow, or of contents that are not kept, are refused", "[operators]") {
  ls::Dataflow other;
  auto foreign = other.input<Number>("foreign");
  auto foreign_out = foreign | ls::output("out", ls::accumulated);
  auto flow = one_output<Number>(1, [](auto& in) { return in | ls::output("out"); });
  CHECK_THROWS_WITH(flow.runtime[foreign], Contains("'foreign'"));
  CHECK_THROWS_AS(flow.runtime[foreign], ls::UsageError);
  const auto step = flow.runtime.step();
  CHECK_THROWS_WITH(step[foreign_out], Contains("'out'"));
  CHECK_THROWS_AS(flow.runtime.snapshot()[foreign_out], ls::UsageError);
  CHECK_THROWS_WITH(flow.runtime.snapshot()[flow.out], Contains("keeps no contents"));
}

TEST_CASE("explain, mermaid and dot name every operator", "[operators]") {
  ls::Dataflow flow;
  auto in = flow.input<Number>("numbers");
  auto out =
      in | ls::map([](Number n) { return n; }) | ls::distinct().named("the \"distinct\" ones") | ls::output("result");
  CHECK(
      flow.explain() ==
      "output result\n"
      "  distinct 'the \"distinct\" ones': int64 [by row], keeps the rows of map(numbers), exchange by row, after map\n"
      "    input 'numbers': int64 [not partitioned]\n");
  CHECK_THAT(flow.mermaid(), Contains("flowchart TD") && Contains("map(numbers) → the #34;distinct#34; ones") &&
                                 Contains("|exchange by row|") && Contains("([\"result\"])"));
  CHECK_THAT(flow.dot(), Contains("digraph") && Contains("map(numbers) → the \\\"distinct\\\" ones") &&
                             Contains("label=\"exchange by row\"") && Contains("shape=oval"));
}

TEST_CASE("a function of one argument gets the value, one of two the key and the value, in every operator",
          "[operators]") {
  using Pair = std::pair<Number, Number>;
  std::atomic<Number> seen = 0;
  auto flow = one_output<Pair>(GENERATE(1U, 3U), [&](auto& in) {
    auto keyed = in | ls::key_by(&Pair::first, &Pair::second);
    return keyed | ls::filter([](Number value) { return value != 3; }) |
           ls::filter([](Number key, Number value) { return key != value; }) |
           ls::inspect([&](Number value, ls::Weight weight) { seen += value * weight; }) |
           ls::inspect([&](Number key, Number value, ls::Weight) { seen += 1000 * (key + value); }) |
           ls::inspect(
               [&](Number value, ls::Weight, ls::Time time) { seen += 1000'000 * (value + Number(time.step)); }) |
           ls::key_by([](Number value) { return value % 2; }) |
           ls::group_by(ls::key, ls::sum([](const Pair& row) { return row.first; }),
                        ls::max([](Number key, const Pair& row) { return 10 * key + row.second; })) |
           ls::flat_map([](Number key, const auto& group) {
             return std::vector<Number>{key, std::get<0>(group), std::get<1>(group)};
           }) |
           ls::output("out");
  });
  CHECK(flow.step({{{1, 3}, 1}, {{2, 2}, 1}, {{4, 5}, 1}, {{6, 7}, 2}}) == "1 +1, 16 +1, 17 +1");
  CHECK(seen == (5 + 14) + 1000 * (9 + 13) + 1000'000 * (6 + 8));
}
