#include <atomic>
#include <catch2/catch.hpp>
#include <limits>
#include <lockstep.hpp>
#include <map>
#include <random>
#include <set>
#include <stdexcept>

#include "tests/delta_text.hpp"

namespace ls = lockstep;
using Number = std::int64_t;
using Maybe = std::optional<Number>;
using Pair = std::pair<Number, Number>;
using Pairs = std::vector<ls::Weighted<Pair>>;
using Both = std::pair<Maybe, Maybe>;

namespace {

constexpr auto by_first = [](const ls::Input<Pair>& in) { return in | ls::key_by(&Pair::first, &Pair::second); };

/// Two inputs of pairs, keyed by the first, and what `build` makes of them.
template <class Build>
struct TwoSides {
  explicit TwoSides(const Build& build, ls::RuntimeOptions options = {})
      : a(flow.input<Pair>("a")),
        b(flow.input<Pair>("b")),
        out(build(by_first(a), by_first(b))),
        runtime(flow, options) {}

  std::string step(const Pairs& of_a, const Pairs& of_b) {
    runtime[a].push(of_a);
    runtime[b].push(of_b);
    return text(runtime.step()[out]);
  }

  ls::Dataflow flow;
  ls::Input<Pair> a;
  ls::Input<Pair> b;
  std::invoke_result_t<Build, decltype(by_first(a)), decltype(by_first(b))> out;
  ls::Runtime runtime;
};

constexpr auto left = [](const auto& a, const auto& b) {
  return a | ls::left_join(b, [](Number x, Maybe y) { return std::pair(x, y); }) | ls::output("out");
};
constexpr auto right = [](const auto& a, const auto& b) {
  return a | ls::right_join(b, [](Maybe x, Number y) { return std::pair(x, y); }) | ls::output("out");
};
constexpr auto full = [](const auto& a, const auto& b) {
  return a | ls::full_join(b, [](Maybe x, Maybe y) { return Both(x, y); }) | ls::output("out");
};
constexpr auto semi = [](const auto& a, const auto& b) { return a | ls::semi_join(b) | ls::output("out"); };
constexpr auto anti = [](const auto& a, const auto& b) { return a | ls::anti_join(b) | ls::output("out"); };

ls::RuntimeOptions some_workers() { return {.workers = GENERATE(1U, 3U)}; }

}  // namespace

TEST_CASE("a left join keeps rows without a match, until they have one", "[outer join]") {
  TwoSides flow(left, some_workers());
  CHECK(flow.step({{{1, 10}, 1}, {{2, 20}, 2}}, {{{3, 30}, 1}}) == "(1, (10, none)) +1, (2, (20, none)) +2");
  CHECK(flow.step({}, {{{1, 11}, 1}, {{1, 12}, 3}}) == "(1, (10, none)) -1, (1, (10, 11)) +1, (1, (10, 12)) +3");
  CHECK(flow.step({}, {{{1, 11}, -1}}) == "(1, (10, 11)) -1");
  CHECK(flow.step({}, {{{1, 12}, -3}}) == "(1, (10, none)) +1, (1, (10, 12)) -3");
  CHECK(flow.step({{{3, 40}, 1}, {{1, 10}, -1}}, {}) == "(1, (10, none)) -1, (3, (40, 30)) +1");
}

TEST_CASE("a right join keeps the rows of the right side", "[outer join]") {
  TwoSides flow(right, some_workers());
  CHECK(flow.step({{{1, 10}, 1}}, {{{3, 30}, 1}}) == "(3, (none, 30)) +1");
  CHECK(flow.step({{{3, 5}, 2}}, {{{1, 11}, 1}}) == "(1, (10, 11)) +1, (3, (none, 30)) -1, (3, (5, 30)) +2");
  CHECK(flow.step({{{3, 5}, -2}}, {}) == "(3, (none, 30)) +1, (3, (5, 30)) -2");
}

TEST_CASE("a full join keeps the rows of both sides", "[outer join]") {
  TwoSides flow(full, some_workers());
  CHECK(flow.step({{{1, 10}, 1}}, {{{2, 20}, 1}}) == "(1, (10, none)) +1, (2, (none, 20)) +1");
  CHECK(flow.step({{{2, 21}, 1}}, {{{1, 11}, 1}}) ==
        "(1, (10, none)) -1, (1, (10, 11)) +1, (2, (none, 20)) -1, (2, (21, 20)) +1");
  CHECK(flow.step({{{1, 10}, -1}, {{2, 21}, -1}}, {{{2, 20}, -1}}) ==
        "(1, (none, 11)) +1, (1, (10, 11)) -1, (2, (21, 20)) -1");
}

TEST_CASE("a row that comes with its match never was alone", "[outer join]") {
  std::atomic<int> alone = 0;
  TwoSides flow(
      [&](const auto& a, const auto& b) {
        return a |
               ls::full_join(b,
                             [&](Maybe x, Maybe y) {
                               alone += x && y ? 0 : 1;
                               return x.value_or(0) + y.value_or(0);
                             }) |
               ls::output("out");
      },
      some_workers());
  CHECK(flow.step({{{1, 10}, 1}}, {{{1, 5}, 1}}) == "(1, 15) +1");
  CHECK(flow.step({{{1, 10}, -1}, {{1, 20}, 1}}, {{{1, 5}, -1}, {{1, 6}, 1}}) == "(1, 15) -1, (1, 26) +1");
  CHECK(flow.step({{{1, 20}, -1}}, {{{1, 6}, -1}}) == "(1, 26) -1");
  CHECK(alone == 0);
}

TEST_CASE("a semi join has as many of a row as its own side, however many matches there are", "[outer join]") {
  TwoSides flow(semi, some_workers());
  CHECK(flow.step({{{1, 10}, 2}, {{2, 20}, 1}}, {}).empty());
  CHECK(flow.step({}, {{{1, 5}, 1}, {{1, 6}, 4}}) == "(1, 10) +2");
  CHECK(flow.step({{{1, 11}, -3}}, {{{1, 5}, -1}}) == "(1, 11) -3");
  CHECK(flow.step({{{1, 10}, -1}}, {{{1, 6}, -4}}) == "(1, 10) -2, (1, 11) +3");
}

TEST_CASE("an anti join has what a semi join leaves", "[outer join]") {
  TwoSides flow(anti, some_workers());
  CHECK(flow.step({{{1, 10}, 2}, {{2, 20}, 1}}, {}) == "(1, 10) +2, (2, 20) +1");
  CHECK(flow.step({}, {{{1, 5}, 1}}) == "(1, 10) -2");
  CHECK(flow.step({{{1, 10}, -1}}, {{{1, 5}, -1}}) == "(1, 10) +1");
}

TEST_CASE("a key is matched if the weights of the other side sum to more than 0", "[outer join]") {
  TwoSides flow(semi, some_workers());
  CHECK(flow.step({{{1, 10}, 1}}, {{{1, 5}, 1}, {{1, 6}, -1}}).empty());
  CHECK(flow.step({}, {{{1, 5}, 1}}) == "(1, 10) +1");
  CHECK(flow.step({}, {{{1, 7}, -1}}) == "(1, 10) -1");
}

TEST_CASE("a condition is part of the match", "[outer join]") {
  TwoSides flow(
      [](const auto& a, const auto& b) {
        return a |
               ls::left_join(
                   b, [](Number x, Maybe y) { return std::pair(x, y); },
                   ls::matching([](Number x, Number y) { return x < y; })) |
               ls::output("out");
      },
      some_workers());
  CHECK(flow.step({{{1, 10}, 1}, {{1, 20}, 1}}, {{{1, 15}, 1}}) == "(1, (10, 15)) +1, (1, (20, none)) +1");
  CHECK(flow.step({}, {{{1, 15}, -1}, {{1, 25}, 1}}) ==
        "(1, (10, 15)) -1, (1, (10, 25)) +1, (1, (20, none)) -1, (1, (20, 25)) +1");
  CHECK(flow.step({{{1, 10}, -1}, {{1, 30}, 2}}, {}) == "(1, (10, 25)) -1, (1, (30, none)) +2");
}

TEST_CASE("an anti join of a stream with itself finds the last of each key", "[outer join]") {
  auto flow = one_output<Pair>(GENERATE(1U, 3U), [](auto& in) {
    auto keyed = in | ls::key_by(&Pair::first, &Pair::second);
    return keyed | ls::anti_join(keyed, ls::matching([](Number x, Number y) { return x < y; })) | ls::output("out");
  });
  CHECK(flow.step({{{1, 3}, 1}, {{1, 5}, 1}, {{2, 1}, 1}}) == "(1, 5) +1, (2, 1) +1");
  CHECK(flow.step({{{1, 7}, 1}, {{2, 1}, -1}}) == "(1, 5) -1, (1, 7) +1, (2, 1) -1");
  CHECK(flow.step({{{1, 7}, -1}}) == "(1, 5) +1, (1, 7) -1");
}

TEST_CASE("null keys match each other, or never", "[outer join]") {
  using Row = std::pair<Maybe, Number>;
  ls::Dataflow flow;
  auto a = flow.input<Row>("a");
  auto b = flow.input<Row>("b");
  auto left = a | ls::key_by(&Row::first, &Row::second);
  auto right = b | ls::key_by(&Row::first, &Row::second);
  const auto pair = [](Number x, Maybe y) { return std::pair(x, y); };
  auto ever = left | ls::left_join(right, pair) | ls::output("ever");
  auto never = left | ls::left_join(right, pair, ls::nulls_never_match) | ls::output("never");
  auto semi = left | ls::semi_join(right, ls::nulls_never_match) | ls::output("semi");
  auto anti = left |
              ls::anti_join(right, ls::nulls_never_match, ls::matching([](Number x, Number y) { return x != y; })) |
              ls::output("anti");
  ls::Runtime runtime(flow, {.workers = GENERATE(1U, 3U)});
  runtime[a].push(std::vector<Row>{{std::nullopt, 1}, {7, 2}, {8, 3}});
  runtime[b].push(std::vector<Row>{{std::nullopt, 4}, {7, 5}, {8, 3}});
  const auto step = runtime.step();
  CHECK(text(step[ever]) == "(none, (1, 4)) +1, (7, (2, 5)) +1, (8, (3, 3)) +1");
  CHECK(text(step[never]) == "(none, (1, none)) +1, (7, (2, 5)) +1, (8, (3, 3)) +1");
  CHECK(text(step[semi]) == "(7, 2) +1, (8, 3) +1");
  CHECK(text(step[anti]) == "(none, 1) +1, (8, 3) +1");
}

TEST_CASE("outer joins read the indexes that tables and groups keep, and their results are unique by key",
          "[outer join]") {
  ls::Dataflow flow;
  auto in = flow.input<Pair>("in");
  auto names = flow.table<Pair>("names", &Pair::first);
  auto sums = in | ls::group_by(&Pair::first, ls::sum(&Pair::second));
  auto named =
      names | ls::left_join(sums, [](const Pair& row, Maybe sum) { return row.second * 100 + sum.value_or(0); });
  auto out = named | ls::output("out");
  CHECK(named.properties().unique_by_key);
  CHECK(occurrences(flow.explain(), "keeps the ") == 2);
  ls::Runtime runtime(flow, {.workers = GENERATE(1U, 3U)});
  runtime[names].insert({1, 5});
  runtime[in].push(Pairs{{{1, 7}, 1}, {{2, 9}, 1}});
  CHECK(text(runtime.step()[out]) == "(1, 507) +1");
  runtime[names].upsert({1, 6});
  runtime[in].push({1, 7}, -1);
  CHECK(text(runtime.step()[out]) == "(1, 507) -1, (1, 600) +1");
}

TEST_CASE("what a join's condition or function throws names the operator and the rows", "[outer join]") {
  const bool in_condition = GENERATE(true, false);
  TwoSides flow([&](const auto& a, const auto& b) {
    const auto unlucky = [](bool thrown) {
      if (thrown) throw std::runtime_error("unlucky");
      return true;
    };
    return a |
           ls::left_join(
               b, [=](Number x, Maybe) { return unlucky(!in_condition && x == 13) ? x : 0; },
               ls::matching([=](Number x, Number) { return unlucky(in_condition && x == 13); }))
               .named("the culprit") |
           ls::output("out");
  });
  CHECK_NOTHROW(flow.step({{{1, 12}, 1}}, {{{1, 5}, 1}}));
  flow.runtime[flow.a].push({1, 13});
  try {
    flow.runtime.step();
    FAIL("the step went well");
  } catch (const ls::StepFailed& failed) {
    CHECK(failed.operator_name() == "the culprit");
    CHECK(failed.row() == "(1, 13, 5)");
    CHECK(failed.cause() == "unlucky");
  }
}

TEST_CASE("weights of outer joins that leave 64 bits end the run, unless they cancel", "[outer join]") {
  constexpr ls::Weight kMost = ls::kMaxPushedWeight;
  const auto constant = [](const auto& a, const auto& b) {
    return a | ls::left_join(b, [](Number, Maybe) { return Number{1}; }) | ls::output("out");
  };
  TwoSides flow(constant, some_workers());
  CHECK(flow.step({{{1, 10}, kMost}, {{1, 11}, -kMost}}, {{{1, 5}, kMost}, {{1, 6}, kMost}}).empty());
  flow.runtime[flow.a].push(Pairs{{{1, 12}, kMost}, {{1, 13}, kMost}});
  CHECK_THROWS_WITH(flow.runtime.step(), Catch::Matchers::Contains("64 bits"));
}

// Under every cut of a history into steps, a row and its null twin, the same row with nothing on the other side, never
// stand in one delta with one sign.
TEST_CASE("a row and its null twin never come together, nor go together", "[outer join]") {
  std::mt19937 random(GENERATE(range(1U, 40U)));
  const auto below = [&](unsigned n) { return static_cast<Number>(random() % n); };
  TwoSides flow(full, {.workers = 1 + static_cast<unsigned>(below(3)), .limits = ls::IndexLimits::minimum()});
  std::map<Pair, ls::Weight> there[2];
  for (int step = 0; step < 60; ++step) {
    Pairs deltas[2];
    for (Number pushes = below(6); pushes != 0; --pushes) {
      const auto side = static_cast<std::size_t>(below(2));
      const Pair row{below(3), below(3)};
      ls::Weight& weight = there[side][row];
      const ls::Weight change = weight > 0 && below(2) == 0 ? -1 : 1;
      weight += change;
      deltas[side].push_back({row, change});
    }
    flow.runtime[flow.a].push(deltas[0]);
    flow.runtime[flow.b].push(deltas[1]);
    const auto delta = flow.runtime.step()[flow.out];
    std::set<std::tuple<Number, bool, Number, int>> pairs;  // key, side, value, sign: of rows with a match
    for (const auto& [row, weight] : delta) {
      const auto& [x, y] = row.second;
      const int sign = weight > 0 ? 1 : -1;
      if (!x || !y) continue;
      pairs.insert({row.first, true, *x, sign});
      pairs.insert({row.first, false, *y, sign});
    }
    for (const auto& [row, weight] : delta) {
      const auto& [x, y] = row.second;
      const int sign = weight > 0 ? 1 : -1;
      if (!y) CHECK_FALSE(pairs.contains({row.first, true, *x, sign}));
      if (!x) CHECK_FALSE(pairs.contains({row.first, false, *y, sign}));
    }
  }
}

TEST_CASE("a semi join keeps only the keys of the other side, unless its rows are indexed anyway", "[outer join]") {
  ls::Dataflow flow;
  auto a = flow.input<Pair>("a");
  auto b = flow.input<Pair>("b");
  auto left = by_first(a).stream();
  auto right = by_first(b).stream();
  auto alone = left | ls::anti_join(right) | ls::output("alone");
  CHECK(occurrences(flow.explain(), "after keys") == 1);
  auto again = left | ls::semi_join(right) | ls::output("again");
  CHECK(occurrences(flow.explain(), "keeps the ") == 2);
  auto pairs = left | ls::join(right, [](Number x, Number y) { return x * y; }) | ls::output("pairs");
  auto later = left | ls::anti_join(right).named("later") | ls::output("later");
  CHECK(occurrences(flow.explain(), "keeps the ") == 3);
  ls::Runtime runtime(flow, some_workers());
  runtime[a].push(Pairs{{{1, 10}, 1}, {{2, 20}, 1}});
  runtime[b].push(Pairs{{{2, 3}, 1}, {{2, 4}, 1}, {{3, 5}, 1}});
  auto step = runtime.step();
  CHECK(text(step[alone]) == "(1, 10) +1");
  CHECK(text(step[again]) == "(2, 20) +1");
  CHECK(text(step[later]) == "(1, 10) +1");
  runtime[b].push(Pairs{{{2, 3}, -1}, {{1, 7}, 1}});
  step = runtime.step();
  CHECK(text(step[alone]) == "(1, 10) -1");
  CHECK(text(step[again]) == "(1, 10) +1");
  CHECK(text(step[later]) == "(1, 10) -1");
}

TEST_CASE("where null keys never match, a full join is not unique by key, and what reads it knows", "[outer join]") {
  using Row = std::pair<Maybe, Number>;
  ls::Dataflow flow;
  auto a = flow.table<Row>("a", &Row::first);
  auto b = flow.table<Row>("b", &Row::first);
  auto c = flow.table<Row>("c", &Row::first);
  auto both = a | ls::full_join(
                      b,
                      [](const std::optional<Row>& x, const std::optional<Row>& y) {
                        return (x ? x->second : 0) + (y ? y->second : 0);
                      },
                      ls::nulls_never_match);
  CHECK_FALSE(both.properties().unique_by_key);
  auto out = both | ls::join(c, [](Number x, const Row& z) { return x * z.second; }) | ls::output("out");
  ls::Runtime runtime(flow, some_workers());
  runtime[a].insert({std::nullopt, 1});
  runtime[b].insert({std::nullopt, 2});
  runtime[c].insert({std::nullopt, 9});
  CHECK(text(runtime.step()[out]) == "(none, 9) +1, (none, 18) +1");
  runtime[a].erase(std::nullopt);
  CHECK(text(runtime.step()[out]) == "(none, 9) -1");
}

TEST_CASE("the total of a large group counts, whatever weights were like within a step", "[outer join]") {
  constexpr ls::Weight kMost = std::numeric_limits<ls::Weight>::max();
  ls::Index<Number, Number> index(ls::IndexLimits::minimum());
  const auto add = [&](Number value, ls::Weight weight) {
    index.add(1, ls::row_traits<Number>::hash(1), value, weight);
  };
  add(7, kMost);
  index.settle();
  add(7, 1);
  for (Number value = 10; value < 14; ++value) add(value, 1);
  add(7, -1);
  index.settle();
  const auto match = index.find(1, ls::row_traits<Number>::hash(1));
  REQUIRE(match.large != nullptr);
  CHECK(match.total() == ls::Int128{kMost} + 4);
}
