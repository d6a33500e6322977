#include <array>
#include <catch2/catch.hpp>
#include <functional>
#include <limits>
#include <lockstep.hpp>
#include <map>

#include "tests/delta_text.hpp"

namespace ls = lockstep;
using Number = std::int64_t;

namespace {

struct Reading {
  Number place;
  double value;
  std::optional<Number> maybe;
};
BOOST_DESCRIBE_STRUCT(Reading, (), (place, value, maybe))

using Readings = std::vector<ls::Weighted<Reading>>;
using Pair = std::pair<Number, Number>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr Number kLargest = std::numeric_limits<Number>::max();

auto readings(unsigned workers) {
  return one_output<Reading>(workers, [](auto& in) {
    return in |
           ls::group_by(&Reading::place, ls::count(), ls::sum(&Reading::value), ls::avg(&Reading::value),
                        ls::min(&Reading::value), ls::max(&Reading::value), ls::sum(&Reading::maybe),
                        ls::avg(&Reading::maybe), ls::min(&Reading::maybe), ls::max(&Reading::maybe)) |
           ls::output("out");
  });
}

/// Sum of second by first.
auto sums(unsigned workers) {
  return one_output<Pair>(workers, [](auto& in) {
    return in | ls::group_by(&Pair::first, ls::sum(&Pair::second)).named("sums") | ls::output("out");
  });
}

template <class Flow, class Rows>
ls::StepFailed failure_of(Flow& flow, const Rows& rows) {
  flow.runtime[flow.in].push(rows);
  try {
    flow.runtime.step();
  } catch (const ls::StepFailed& failure) {
    return failure;
  }
  FAIL("the step should have failed");
  throw;
}

}  // namespace

TEST_CASE("five aggregates at once honour weights, and skip empty optionals but in count", "[operators]") {
  auto flow = readings(GENERATE(1U, 3U));
  CHECK(flow.step({{{1, 2.5, 4}, 2}, {{1, 1.0, std::nullopt}, 1}, {{2, 0.5, std::nullopt}, 1}}) ==
        "(1, (3, 6, 2, 1, 2.5, 8, 4, 4, 4)) +1, (2, (1, 0.5, 0.5, 0.5, 0.5, none, none, none, none)) +1");
  CHECK(flow.step({{{1, 2.5, 4}, -1}, {{2, 0.5, std::nullopt}, -1}}) ==
        "(1, (2, 3.5, 1.75, 1, 2.5, 4, 4, 4, 4)) +1, (1, (3, 6, 2, 1, 2.5, 8, 4, 4, 4)) -1, "
        "(2, (1, 0.5, 0.5, 0.5, 0.5, none, none, none, none)) -1");
  CHECK(flow.step({{{1, 2.5, 4}, -1}, {{1, 3.0, 9}, 1}}) ==
        "(1, (2, 3.5, 1.75, 1, 2.5, 4, 4, 4, 4)) -1, (1, (2, 4, 2, 1, 3, 9, 9, 9, 9)) +1");
}

TEST_CASE("sum and avg of an optional field are empty where the weights of the rows that have it sum to 0",
          "[operators]") {
  auto flow = readings(GENERATE(1U, 3U));
  CHECK(flow.step({{{1, 0, 5}, 1}, {{1, 0, 7}, -1}, {{1, 0, {}}, 1}}) == "(1, (1, 0, 0, 0, 0, none, none, 5, 7)) +1");
  CHECK(flow.step({{{1, 0, 7}, 2}}) ==
        "(1, (1, 0, 0, 0, 0, none, none, 5, 7)) -1, (1, (3, 0, 0, 0, 0, 12, 6, 5, 7)) +1");
  CHECK(flow.step({{{1, 0, 5}, -1}, {{1, 0, 7}, -1}}) ==
        "(1, (1, 0, 0, 0, 0, none, none, none, none)) +1, (1, (3, 0, 0, 0, 0, 12, 6, 5, 7)) -1");
}

TEST_CASE("infinities and NaN take part in sums and leave no trace when they go", "[operators]") {
  auto flow = one_output<Reading>(GENERATE(1U, 3U), [](auto& in) {
    return in |
           ls::group_by(&Reading::place, ls::sum(&Reading::value), ls::min(&Reading::value), ls::max(&Reading::value)) |
           ls::output("out");
  });
  CHECK(flow.step({{{1, 0.1, {}}, 1}, {{1, kInfinity, {}}, 1}}) == "(1, (inf, 0.1, inf)) +1");
  CHECK(flow.step({{{1, -kInfinity, {}}, 1}}) == "(1, (inf, 0.1, inf)) -1, (1, (nan, -inf, inf)) +1");
  CHECK(flow.step({{{1, kInfinity, {}}, -1}, {{1, -kInfinity, {}}, -1}, {{1, kNan, {}}, 2}}) ==
        "(1, (nan, -inf, inf)) -1, (1, (nan, 0.1, nan)) +1");
  CHECK(flow.step({{{1, -kNan, {}}, -2}, {{1, 1e300, {}}, 1}}) ==
        "(1, (1e+300, 0.1, 1e+300)) +1, (1, (nan, 0.1, nan)) -1");
  CHECK(flow.step({{{1, 1e300, {}}, -1}, {{1, 0.2, {}}, 1}}) ==
        "(1, (0.30000000000000004, 0.1, 0.2)) +1, (1, (1e+300, 0.1, 1e+300)) -1");
}

TEST_CASE("minus zero is zero", "[operators]") {
  auto flow = readings(GENERATE(1U, 3U));
  CHECK(flow.step({{{1, -0.0, {}}, 1}}) == "(1, (1, 0, 0, 0, 0, none, none, none, none)) +1");
  CHECK(flow.step({{{1, 0.0, {}}, 1}}) ==
        "(1, (1, 0, 0, 0, 0, none, none, none, none)) -1, "
        "(1, (2, 0, 0, 0, 0, none, none, none, none)) +1");
}

TEST_CASE("a group is there while its weights do not sum to zero", "[operators]") {
  auto flow = readings(GENERATE(1U, 3U));
  CHECK(flow.step({{{1, 1.0, 1}, 1}, {{1, 2.0, 2}, -1}}).empty());
  CHECK(flow.step({{{2, 3.0, 5}, -1}}) == "(2, (-1, -3, 3, 3, 3, -5, 5, 5, 5)) +1");
  CHECK(flow.step({{{1, 2.0, 2}, 1}}) == "(1, (1, 1, 1, 1, 1, 1, 1, 1, 1)) +1");
  CHECK(flow.step({{{2, 3.0, 5}, 1}, {{1, 1.0, 1}, -1}}) ==
        "(1, (1, 1, 1, 1, 1, 1, 1, 1, 1)) -1, (2, (-1, -3, 3, 3, 3, -5, 5, 5, 5)) -1");
  CHECK(flow.runtime.snapshot().step() == 4);
}

TEST_CASE("the aggregate of nothing has no row", "[operators]") {
  auto flow = one_output<Number>(GENERATE(1U, 3U), [](auto& in) {
    return in | ls::aggregate(ls::count(), ls::sum(ls::value), ls::min(ls::value)) | ls::output("out");
  });
  CHECK(flow.step({}).empty());
  CHECK(flow.step({{7, 1}, {8, 2}}) == "(3, 23, 7) +1");
  CHECK(flow.step({{7, 1}, {7, -1}}).empty());
  CHECK(flow.step({{7, -1}, {8, -1}}) == "(1, 8, 8) +1, (3, 23, 7) -1");
  CHECK(flow.step({{8, -1}}) == "(1, 8, 8) -1");
}

TEST_CASE("one aggregate gives its bare value", "[operators]") {
  auto flow = one_output<Number>(GENERATE(1U, 3U), [](auto& in) {
    return in | ls::group_by([](Number n) { return n % 2; }, ls::avg(ls::value)) | ls::output("out");
  });
  CHECK(flow.step({{1, 1}, {2, 1}, {3, 2}}) == "(0, 2) +1, (1, 2.3333333333333335) +1");
}

TEST_CASE("an integer sum that leaves 64 bits fails the step, naming operator and group", "[operators]") {
  auto flow = sums(GENERATE(1U, 3U));
  CHECK(flow.step({{{1, kLargest}, 2}, {{1, -kLargest}, 1}}) == "(1, 9223372036854775807) +1");
  const auto failure = failure_of(flow, std::vector<Pair>{{1, 1}, {2, 5}});
  CHECK(failure.operator_name() == "sums");
  CHECK(failure.row() == "1");
  CHECK(failure.step() == 2);
  CHECK_THAT(failure.cause(), Catch::Matchers::Contains("64 bits"));
  CHECK_THROWS_AS(std::rethrow_exception(failure.nested()), ls::OverflowError);
}

TEST_CASE("a sum beyond 64 bits inside of a step is no failure", "[operators]") {
  auto flow = sums(GENERATE(1U, 3U));
  CHECK(flow.step({{{1, kLargest}, 1 << 30}, {{1, 1}, 5}, {{1, kLargest}, -(1 << 30)}}) == "(1, 5) +1");
}

TEST_CASE("a sum may leave 64 bits many times over in the course of a step", "[operators]") {
  auto flow = sums(GENERATE(1U, 3U));
  const ls::Weight weight = ls::Weight{1} << 31;
  for (const Number sign : {1, -1}) {
    std::vector<ls::Weighted<Pair>> rows;
    for (int i = 0; i < 300; ++i) rows.push_back({{i % 3, sign * kLargest}, weight});
    rows.push_back({{1, sign}, 4});
    for (int i = 0; i < 300; ++i) rows.push_back({{i % 3, sign * kLargest}, -weight});
    CHECK(flow.step(rows) == (sign > 0 ? "(1, 4) +1" : "(1, 0) +1, (1, 4) -1"));
  }
}

TEST_CASE("a sum has to fit 64 bits at the end of a step even if its group has no row", "[operators]") {
  auto flow = sums(GENERATE(1U, 3U));
  const auto failure = failure_of(flow, std::vector<ls::Weighted<Pair>>{{{1, kLargest}, 1}, {{1, -kLargest}, -1}});
  CHECK(failure.row() == "1");
  CHECK_THAT(failure.cause(), Catch::Matchers::Contains("64 bits"));
}

TEST_CASE("sums of unsigned 64-bit fields are unsigned", "[operators]") {
  const unsigned workers = GENERATE(1U, 3U);
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  auto flow = one_output<std::uint64_t>(
      workers, [](auto& in) { return in | ls::aggregate(ls::sum(ls::value), ls::avg(ls::value)) | ls::output("out"); });
  CHECK(flow.step({{kMost - 1, 1}, {1, 1}}) == "(18446744073709551615, 9.223372036854776e+18) +1");
  const auto failure = failure_of(flow, std::vector<std::uint64_t>{1});
  CHECK_THAT(failure.operator_name(), Catch::Matchers::Contains("aggregate(in, sum(value)"));
  auto negative = one_output<std::uint64_t>(
      workers, [](auto& in) { return in | ls::aggregate(ls::sum(ls::value)) | ls::output("out"); });
  CHECK_THAT(failure_of(negative, std::vector<ls::Weighted<std::uint64_t>>{{1, -1}}).cause(),
             Catch::Matchers::Contains("without a sign"));
}

TEST_CASE("min and max of one field share their rows", "[operators]") {
  const auto bytes_of = [](auto... aggregates) {
    auto flow = one_output<Pair>(
        1, [&](auto& in) { return in | ls::group_by(&Pair::first, aggregates...) | ls::output("out"); });
    for (Number i = 0; i < 1000; ++i) flow.runtime[flow.in].push({i % 3, i});
    flow.runtime.step();
    return static_cast<double>(flow.runtime.metrics().state_bytes());
  };
  const double alone = bytes_of(ls::min(&Pair::second));
  CHECK(bytes_of(ls::min(&Pair::second), ls::max(&Pair::second)) < 1.3 * alone);
}

TEST_CASE("min and max of an append-only input keep one row a group", "[operators]") {
  auto flow = one_output<Pair>(
      GENERATE(1U, 3U),
      [](auto& in) {
        return in | ls::group_by(&Pair::first, ls::min(&Pair::second), ls::max(&Pair::second)) | ls::output("out");
      },
      {.append_only = true});
  CHECK(flow.step({{{1, 5}, 1}, {{1, 3}, 2}}) == "(1, (3, 5)) +1");
  const auto before = flow.runtime.metrics().state_bytes();
  for (Number i = 0; i < 1000; ++i) flow.runtime[flow.in].push({1, i});
  CHECK(text(flow.runtime.step()[flow.out]) == "(1, (0, 999)) +1, (1, (3, 5)) -1");
  CHECK(flow.runtime.metrics().state_bytes() < 2 * before);
}

TEST_CASE("ordered groups of rows with heap members survive moves between segments", "[operators]") {
  using Row = std::tuple<Number, std::string, std::string>;
  const auto text_of = [](Number i) { return std::string(40, static_cast<char>('a' + i % 26)) + std::to_string(i); };
  // Small groups lie in the arenas of their segments; with segments of one entry's size, these split all the time.
  OneOutput<Row, std::function<ls::Output<std::pair<Number, std::tuple<std::string, std::string>>>(ls::Input<Row>&)>>
      flow({.limits = {.segment_bytes = 1, .rows_in_segment = 8, .page_rows = 2}}, [](ls::Input<Row>& in) {
        return in |
               ls::group_by([](const Row& row) { return std::get<0>(row); },
                            ls::min([](const Row& row) { return std::get<1>(row); }),
                            ls::max([](const Row& row) { return std::get<2>(row); })) |
               ls::output("out");
      });
  std::map<Number, std::pair<std::string, std::string>> expected;
  for (Number i = 0; i < 1000; ++i) {
    const Row row{i % 97, text_of(i), text_of(7 * i)};
    flow.runtime[flow.in].push(row);
    auto [place, first] = expected.try_emplace(i % 97, std::get<1>(row), std::get<2>(row));
    place->second = {std::min(place->second.first, std::get<1>(row)), std::max(place->second.second, std::get<2>(row))};
    if (i % 10 == 0) flow.runtime.step();
  }
  flow.runtime.step();
  ls::Runtime later(flow.flow, {.workers = 2}, flow.runtime.save());
  for (Number i = 0; i < 1000; ++i) later[flow.in].push(Row{i % 97, text_of(i), text_of(7 * i)}, -1);
  std::map<Number, std::pair<std::string, std::string>> taken_back;
  for (const auto& [row, weight] : later.step()[flow.out]) {
    CHECK(weight == -1);
    taken_back[row.first] = {std::get<0>(row.second), std::get<1>(row.second)};
  }
  CHECK(taken_back == expected);
}

TEST_CASE("a large step sums keys that are met again and again, once, and in between, as single rows do",
          "[group_by]") {
  ls::Dataflow flow;
  auto left = flow.input<Pair>("left");
  auto right = flow.input<Pair>("right");
  const auto twice = [](const Pair& row) { return std::array{row, Pair{row.first, 1}}; };
  const auto name = [](const Pair& row) { return std::to_string(row.first); };
  auto by_number = left | ls::plus(right) | ls::flat_map(twice) | ls::group_by(&Pair::first, ls::sum(&Pair::second)) |
                   ls::output("by number", ls::accumulated);
  auto by_name = left | ls::plus(right) | ls::flat_map(twice) | ls::group_by(name, ls::sum(&Pair::second)) |
                 ls::output("by name", ls::accumulated);
  ls::Runtime runtime(flow, {.workers = GENERATE(1U, 2U, 3U)});

  std::map<Number, Number> expected;
  Number pushed = 0;
  // More keys than are kept, few enough to be met again, many that are not, and few again.
  for (const Number keys : {3'000, 20, 1'000'000, 20}) {
    for (Number i = 0; i < 9'000; ++i) {
      const Pair row{++pushed * 7919 % keys, i};
      const ls::Weight weight = i % 5 == 0 ? -3 : 2;
      expected[row.first] += (row.second + 1) * weight;
      runtime[pushed % 3 == 0 ? left : right].push(row, weight);
    }
  }
  runtime.step();

  ls::Batch<Pair> numbers;
  for (const auto& [key, sum] : expected) numbers.push_back({{key, sum}, 1});
  const auto snapshot = runtime.snapshot();
  CHECK(text(snapshot[by_number]) == text(numbers));
  std::map<Number, Number> named;
  for (const auto& [row, weight] : snapshot[by_name].sorted()) named[std::stoll(row.first)] += row.second * weight;
  CHECK(named == expected);
}

TEST_CASE("count_distinct counts the values whose weights sum to more than 0", "[aggregates]") {
  auto flow = one_output<Pair>(GENERATE(1U, 3U), [](auto& in) {
    return in | ls::group_by(&Pair::first, ls::count(), ls::count_distinct(&Pair::second)) | ls::output("out");
  });
  CHECK(flow.step({{{1, 5}, 3}, {{1, 6}, 1}, {{2, 5}, 1}}) == "(1, (4, 2)) +1, (2, (1, 1)) +1");
  CHECK(flow.step({{{1, 5}, -1}, {{1, 6}, -1}}) == "(1, (2, 1)) +1, (1, (4, 2)) -1");
  CHECK(flow.step({{{1, 6}, -1}, {{1, 7}, 2}}) == "(1, (2, 1)) -1, (1, (3, 2)) +1");
  CHECK(flow.step({{{1, 6}, 1}, {{1, 5}, -2}, {{1, 7}, -2}}) == "(1, (3, 2)) -1");
}

TEST_CASE("count_distinct of many values grows, shrinks and is saved", "[aggregates]") {
  const auto build = [](auto& in) {
    return in | ls::group_by(&Pair::first, ls::count_distinct(&Pair::second)) | ls::output("out");
  };
  auto flow = one_output<Pair>(2, build);
  std::vector<ls::Weighted<Pair>> rows;
  for (Number i = 0; i < 1000; ++i) rows.push_back({{1, i % 500}, 1});
  CHECK(flow.step(rows) == "(1, 500) +1");
  ls::Runtime loaded(flow.flow, {.workers = 3}, flow.runtime.save());
  for (auto& row : rows) row.weight = row.row.second < 490 ? -1 : 1;
  loaded[flow.in].push(rows);
  CHECK(text(loaded.step()[flow.out]) == "(1, 10) +1, (1, 500) -1");
}

TEST_CASE("arg_min and arg_max give the row, ties broken by the whole row", "[aggregates]") {
  const bool append_only = GENERATE(false, true);
  auto flow = one_output<Pair>(
      GENERATE(1U, 3U),
      [](auto& in) {
        return in | ls::aggregate(ls::arg_min(&Pair::second), ls::max(&Pair::second), ls::arg_max(&Pair::second)) |
               ls::output("out");
      },
      {.append_only = append_only});
  CHECK(flow.step({{{1, 5}, 1}, {{3, 2}, 1}, {{2, 2}, 1}}) == "((2, 2), 5, (1, 5)) +1");
  CHECK(flow.step({{{7, 5}, 1}}) == "((2, 2), 5, (1, 5)) -1, ((2, 2), 5, (7, 5)) +1");
  if (!append_only) CHECK(flow.step({{{2, 2}, -1}, {{7, 5}, -1}}) == "((2, 2), 5, (7, 5)) -1, ((3, 2), 5, (1, 5)) +1");
}

TEST_CASE("arg_max of a keyed stream by its key gives the value, of an optional field an optional", "[aggregates]") {
  using Row = std::pair<Number, std::optional<Number>>;
  auto flow = one_output<Row>(GENERATE(1U, 3U), [](auto& in) {
    return in | ls::key_by(&Row::first) | ls::group_by(ls::key, ls::arg_max(&Row::second)) | ls::output("out");
  });
  CHECK(flow.step({{{1, std::nullopt}, 1}, {{2, 5}, 1}, {{2, 6}, 1}}) == "(1, none) +1, (2, (2, 6)) +1");
  CHECK(flow.step({{{1, 3}, 1}}) == "(1, none) -1, (1, (1, 3)) +1");
}
