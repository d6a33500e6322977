#include <atomic>
#include <catch2/catch.hpp>
#include <lockstep.hpp>

#include "tests/delta_text.hpp"

namespace ls = lockstep;
using Number = std::int64_t;
using Pair = std::pair<Number, Number>;
using Pairs = std::vector<ls::Weighted<Pair>>;

namespace {

const auto index_pairs = [](auto& in) { return in | ls::key_by(&Pair::first, &Pair::second); };

}  // namespace

TEST_CASE("key_by makes rows of key and value, or of key and row", "[operators]") {
  const unsigned workers = GENERATE(1U, 3U);
  auto values = one_output<Pair>(
      workers, [](auto& in) { return in | ls::key_by(&Pair::second, &Pair::first) | ls::output("out"); });
  CHECK(values.step({{{1, 2}, 1}, {{3, 4}, -2}}) == "(2, 1) +1, (4, 3) -2");
  auto rows = one_output<Pair>(workers, [](auto& in) {
    return in | ls::key_by([](const Pair& row) { return row.first % 2; }) | ls::output("out");
  });
  CHECK(rows.step({{{1, 2}, 1}, {{2, 4}, 1}}) == "(0, (2, 4)) +1, (1, (1, 2)) +1");
}

TEST_CASE("a join of two values keeps the key and one that sees the key gives plain rows", "[operators]") {
  ls::Dataflow flow;
  auto a = flow.input<Pair>("a");
  auto b = flow.input<Pair>("b");
  auto keyed_a = index_pairs(a);
  auto keyed_b = index_pairs(b);
  auto keyed = keyed_a | ls::join(keyed_b, [](Number x, Number y) { return x - y; });
  static_assert(decltype(keyed)::kKeyed);
  auto kept = keyed | ls::output("kept");
  auto plain = keyed_a | ls::join(keyed_b, [](Number key, Number x, Number y) { return 100 * key + 10 * x + y; });
  static_assert(!decltype(plain)::kKeyed);
  auto seen = plain | ls::output("seen");
  ls::Runtime runtime(flow, {.workers = GENERATE(1U, 3U)});

  runtime[a].push(Pairs{{{1, 5}, 2}, {{2, 6}, 1}});
  runtime[b].push(Pairs{{{1, 3}, 3}, {{3, 1}, 1}});
  auto step = runtime.step();
  CHECK(text(step[kept]) == "(1, 2) +6");
  CHECK(text(step[seen]) == "153 +6");

  runtime[b].push(Pairs{{{1, 3}, -1}, {{2, 4}, -1}});
  step = runtime.step();
  CHECK(text(step[kept]) == "(1, 2) -2, (2, 2) -1");
  CHECK(text(step[seen]) == "153 -2, 264 -1");

  runtime[a].push(Pairs{{{1, 5}, -2}});
  runtime[b].push(Pairs{{{1, 3}, -2}});
  step = runtime.step();
  CHECK(text(step[kept]) == "(1, 2) -4");
}

TEST_CASE("a join calls its function for no pair that is neither there before the step nor after it", "[operators]") {
  ls::Dataflow flow;
  auto a = flow.input<Pair>("a");
  auto b = flow.input<Pair>("b");
  std::atomic<int> calls = 0;
  // The sides agree at every step.
  const auto agree = [&calls](Number x, Number y) {
    ++calls;
    if (x != y) throw std::runtime_error("they differ");
    return x;
  };
  auto out = index_pairs(a) | ls::join(index_pairs(b), agree) | ls::output("out");
  const auto limits = GENERATE(ls::IndexLimits{}, ls::IndexLimits::minimum());
  ls::Runtime runtime(flow, {.workers = GENERATE(1U, 3U), .limits = limits});
  const auto change = [&](Number key, Number from, Number to) {
    for (const auto& input : {a, b}) {
      if (from != 0) runtime[input].push({key, from}, -1);
      if (to != 0) runtime[input].push({key, to});
    }
  };
  change(1, 0, 5);
  CHECK(text(runtime.step()[out]) == "(1, 5) +1");
  CHECK(calls.exchange(0) == 1);
  change(1, 5, 6);
  CHECK(text(runtime.step()[out]) == "(1, 5) -1, (1, 6) +1");
  CHECK(calls.exchange(0) == 2);
  // Values that come and go within the step, on a key that changes on both sides.
  runtime[a].push(Pairs{{{1, 6}, -1}, {{1, 8}, 1}, {{1, 7}, 1}, {{1, 8}, -1}});
  runtime[b].push(Pairs{{{1, 9}, 1}, {{1, 7}, 1}, {{1, 6}, -1}, {{1, 9}, -1}});
  CHECK(text(runtime.step()[out]) == "(1, 6) -1, (1, 7) +1");
  CHECK(calls.exchange(0) == 2);
  for (Number key = 0; key < 500; ++key) change(key, key == 1 ? 7 : 0, key + 1);
  CHECK(runtime.step()[out].size() == 501);
  CHECK(calls.exchange(0) == 501);
  for (Number key = 0; key < 500; ++key) change(key, key + 1, key % 3 == 0 ? key + 2 : 0);
  CHECK(runtime.step()[out].size() == 667);
  CHECK(calls.exchange(0) == 667);
  change(9, 0, 1);  // beside those that change on one side
  runtime[a].push(Pairs{{{1000, 1}, 1}, {{1001, 1}, 1}});
  runtime[b].push(Pairs{{{1002, 1}, 1}, {{9, 11}, -1}});
  runtime[a].push({9, 11}, -1);
  CHECK(text(runtime.step()[out]) == "(9, 1) +1, (9, 11) -1");
  CHECK(calls == 2);
}

TEST_CASE("weights of a key that changes on both sides multiply to the last bit", "[operators]") {
  ls::Dataflow flow;
  auto a = flow.input<Pair>("a");
  auto b = flow.input<Pair>("b");
  auto out =
      index_pairs(a) | ls::join(index_pairs(b), [](Number x, Number y) { return 10 * x + y; }) | ls::output("out");
  ls::Runtime runtime(flow, {.workers = GENERATE(1U, 3U)});
  runtime[a].push(Pairs{{{1, 1}, 2}, {{1, 2}, 3}});
  runtime[b].push(Pairs{{{1, 1}, 5}, {{1, 2}, -7}});
  CHECK(text(runtime.step()[out]) == "(1, 11) +10, (1, 12) -14, (1, 21) +15, (1, 22) -21");
  runtime[a].push(Pairs{{{1, 1}, -4}, {{1, 3}, 1}});
  runtime[b].push(Pairs{{{1, 2}, 9}, {{1, 3}, 2}});
  // a': 1 -2, 2 +3, 3 +1; b': 1 +5, 2 +2, 3 +2
  CHECK(text(runtime.step()[out]) ==
        "(1, 11) -20, (1, 12) +10, (1, 13) -4, (1, 22) +27, (1, 23) +6, (1, 31) +5, (1, 32) +2, (1, 33) +2");
}

TEST_CASE("an empty key matches an empty key unless nulls never match", "[operators]") {
  using Key = std::optional<Number>;
  using Keyed = std::pair<Key, Number>;
  ls::Dataflow flow;
  auto a = flow.input<Keyed>("a");
  auto b = flow.input<Keyed>("b");
  auto keyed_a = a | ls::key_by(&Keyed::first, &Keyed::second);
  auto keyed_b = b | ls::key_by(&Keyed::first, &Keyed::second);
  const auto sum = [](Number x, Number y) { return x + y; };
  auto matching = keyed_a | ls::join(keyed_b, sum) | ls::output("matching");
  auto never = keyed_a | ls::join(keyed_b, sum, ls::nulls_never_match) | ls::output("never");
  ls::Runtime runtime(flow, {.workers = GENERATE(1U, 3U)});
  runtime[a].push(std::vector<Keyed>{{std::nullopt, 1}, {7, 2}});
  runtime[b].push(std::vector<Keyed>{{std::nullopt, 10}, {7, 20}});
  const auto step = runtime.step();
  CHECK(text(step[matching]) == "(none, 11) +1, (7, 22) +1");
  CHECK(text(step[never]) == "(7, 22) +1");
}

TEST_CASE("a stream joins itself over one shared index", "[operators]") {
  auto flow = one_output<Pair>(GENERATE(1U, 3U), [](auto& in) {
    auto a = index_pairs(in);
    return a | ls::join(a, [](Number x, Number y) { return 10 * x + y; }) | ls::output("out");
  });
  CHECK(occurrences(flow.flow.explain(), "keeps the ") == 1);
  CHECK(flow.step({{{1, 1}, 2}, {{1, 2}, 1}, {{2, 3}, 1}}) ==
        "(1, 11) +4, (1, 12) +2, (1, 21) +2, (1, 22) +1, (2, 33) +1");
  CHECK(flow.step({{{1, 1}, -1}, {{2, 4}, 1}}) ==
        "(1, 11) -3, (1, 12) -1, (1, 21) -1, (2, 34) +1, (2, 43) +1, (2, 44) +1");
  CHECK(flow.step({{{1, 1}, -1}, {{1, 2}, -1}}) == "(1, 11) -1, (1, 12) -1, (1, 21) -1, (1, 22) -1");
}

TEST_CASE("the same stream by the same member is indexed once, by lambdas each time", "[operators]") {
  ls::Dataflow flow;
  auto in = flow.input<Pair>("in");
  auto other = flow.input<Pair>("other");
  const auto sum = [](const Pair& a, const Pair& b) { return a.second + b.second; };
  auto by_member = [&](auto& stream) { return stream | ls::key_by(&Pair::first); };
  (void)(by_member(in) | ls::join(by_member(other), sum) | ls::output("one"));
  (void)(by_member(in) | ls::join(by_member(other), sum) | ls::output("two"));
  CHECK(occurrences(flow.explain(), "keeps the ") == 2);
  auto by_lambda = [&](auto& stream) { return stream | ls::key_by([](const Pair& row) { return row.first; }); };
  (void)(by_lambda(in) | ls::join(by_lambda(other), sum) | ls::output("three"));
  CHECK(occurrences(flow.explain(), "keeps the ") == 4);
}

TEST_CASE("streams that are keyed alike share one exchange and one index, named or not", "[operators]") {
  ls::Dataflow flow;
  auto in = flow.input<Pair>("in");
  auto other = flow.input<Pair>("other") | ls::key_by(&Pair::first);
  const auto sum = [](const Pair& a, const Pair& b) { return a.second + b.second; };
  auto one = in | ls::key_by(&Pair::first);
  auto two = in | ls::key_by(&Pair::first);
  auto outs =
      std::vector{one | ls::join(other, sum) | ls::output("named"), two | ls::join(other, sum) | ls::output("too"),
                  in | ls::key_by(&Pair::first) | ls::join(other, sum) | ls::output("not named")};
  CHECK(occurrences(flow.explain(), "keeps the ") == 2);
  CHECK(occurrences(flow.explain(), "exchange by key") == 2);
  // In the other order too: first one that is not named.
  auto third = flow.input<Pair>("third");
  (void)(third | ls::key_by(&Pair::first) | ls::join(other, sum) | ls::output("not named first"));
  auto late = third | ls::key_by(&Pair::first);
  (void)(late | ls::join(other, sum) | ls::output("named later"));
  CHECK(occurrences(flow.explain(), "keeps the ") == 3);
  CHECK(occurrences(flow.explain(), "exchange by key") == 3);
  // By other fields they are others.
  (void)(in | ls::key_by(&Pair::second) | ls::join(other, sum) | ls::output("by second"));
  CHECK(occurrences(flow.explain(), "keeps the ") == 4);
  ls::Runtime runtime(flow, {.workers = GENERATE(1U, 3U)});
  runtime[in].push(Pairs{{{1, 5}, 2}, {{2, 6}, 1}});
  const auto step = runtime.step();
  for (const auto& out : outs) CHECK(step[out].empty());
}

TEST_CASE("names of joins of joins stay short, and differ where the joins do", "[operators]") {
  ls::Dataflow flow;
  auto in = flow.input<Pair>("a rather long name of an input");
  ls::KeyedStream<Number, Number> stream = in | ls::key_by(&Pair::first, &Pair::second);
  const auto add = [](Number a, Number b) { return a + b; };
  for (int i = 0; i < 30; ++i) stream = stream | ls::join(stream, add);
  const std::string last = stream.label();
  CHECK(last.size() < 100);
  stream = stream | ls::join(stream, add);
  CHECK(stream.label() != last);
  CHECK(flow.explain().size() < 30'000);
}

TEST_CASE("a join reads the indexes that group_by and tables keep anyway", "[operators]") {
  ls::Dataflow flow;
  auto in = flow.input<Pair>("in");
  auto table = flow.table<Pair>("table", &Pair::first);
  auto sums = in | ls::group_by(&Pair::first, ls::sum(&Pair::second));
  auto joined = sums | ls::join(table, [](Number sum, const Pair& row) { return sum * row.second; });
  auto out = joined | ls::output("out");
  CHECK(occurrences(flow.explain(), "keeps the ") == 2);
  ls::Runtime runtime(flow, {.workers = GENERATE(1U, 3U)});
  runtime[in].push(Pairs{{{1, 5}, 2}, {{2, 6}, 1}});
  runtime[table].insert({1, 3});
  CHECK(text(runtime.step()[out]) == "(1, 30) +1");
  runtime[table].upsert({1, 4});
  runtime[in].push({1, 1});
  CHECK(text(runtime.step()[out]) == "(1, 30) -1, (1, 44) +1");
  runtime[table].erase(1);
  runtime[table].insert({2, 1});
  CHECK(text(runtime.step()[out]) == "(1, 44) -1, (2, 6) +1");
}

TEST_CASE("weights beyond 64 bits fail a join only if they are there at the end of the step", "[operators]") {
  constexpr ls::Weight kHuge = ls::Weight{1} << 31;
  auto flow = one_output<Pair>(GENERATE(1U, 3U), [](auto& in) {
    auto a = index_pairs(in);
    return a | ls::join(a, [](Number, Number) { return 0; }).named("square") | ls::output("out");
  });
  CHECK(flow.step({{{1, 1}, kHuge}}) == "(1, 0) +4611686018427387904");
  CHECK(flow.step({{{1, 1}, -kHuge}, {{1, 2}, kHuge}}).empty());
  flow.runtime[flow.in].push(Pairs{{{1, 2}, kHuge}, {{1, 3}, kHuge}});
  try {
    flow.runtime.step();
    FAIL("the step should have failed");
  } catch (const ls::StepFailed& failure) {
    CHECK(failure.operator_name() == "square");
    CHECK(failure.row() == "(1, 0)");
    CHECK_THAT(failure.cause(), Catch::Matchers::Contains("64 bits"));
  }
}

TEST_CASE("an empty optional key matches an empty one", "[operators]") {
  using Row = std::pair<std::optional<Number>, Number>;
  auto flow = one_output<Row>(GENERATE(1U, 3U), [](auto& in) {
    auto a = in | ls::key_by(&Row::first, &Row::second);
    return a | ls::join(a, [](Number x, Number y) { return x + y; }) | ls::output("out");
  });
  CHECK(flow.step({{{std::nullopt, 1}, 1}, {{0, 2}, 1}}) == "(none, 2) +1, (0, 4) +1");
}

TEST_CASE("streams of different dataflows do not join", "[operators]") {
  ls::Dataflow flow;
  ls::Dataflow other;
  auto a = flow.input<Pair>("a");
  auto b = other.input<Pair>("b");
  auto build = [&] { (void)(index_pairs(a) | ls::join(index_pairs(b), [](Number x, Number) { return x; })); };
  CHECK_THROWS_AS(build(), ls::FlowError);
  CHECK_THROWS_WITH(build(), Catch::Matchers::Contains("join"));
}

TEST_CASE("an output may be of an edge that an index lends on", "[operators]") {
  ls::Dataflow flow;
  auto in = flow.input<Pair>("in");
  auto distinct = in | ls::distinct();
  // Keyed first by the index of a join, which is exchanged and lent on, and then shown.
  auto joined = distinct | ls::key_by(&Pair::first) |
                ls::join(distinct | ls::key_by(&Pair::first),
                         [](Number, const Pair& a, const Pair& b) { return a.second * b.second; }) |
                ls::output("joined");
  auto shown = distinct | ls::key_by(&Pair::first) | ls::output("shown");
  auto again = distinct | ls::key_by(&Pair::first) | ls::output("again");
  ls::Runtime runtime(flow, {.workers = GENERATE(1U, 3U)});
  runtime[in].push(Pairs{{{1, 5}, 2}, {{2, 6}, 1}});
  const auto step = runtime.step();
  CHECK(text(step[joined]) == "25 +1, 36 +1");
  CHECK(text(step[shown]) == "(1, (1, 5)) +1, (2, (2, 6)) +1");
  CHECK(text(step[again]) == "(1, (1, 5)) +1, (2, (2, 6)) +1");
}

TEST_CASE("joins whose null keys never match share the index of a stream, and a stream joins itself", "[operators]") {
  using Row = std::pair<std::optional<Number>, Number>;
  ls::Dataflow flow;
  auto t = (flow.input<Row>("t") | ls::key_by(&Row::first, &Row::second)).stream();
  auto u = (flow.input<Row>("u") | ls::key_by(&Row::first, &Row::second)).stream();
  const auto add = [](Number a, Number b) { return a + b; };
  (void)(t | ls::join(u, add, ls::nulls_never_match) | ls::output("one"));
  (void)(t | ls::join(u, add, ls::nulls_never_match) | ls::output("two"));
  (void)(t | ls::join(t, add, ls::nulls_never_match) | ls::output("itself"));
  CHECK(occurrences(flow.explain(), "keeps the ") == 2);
}

TEST_CASE("a join of two dataflows leaves both as they were", "[operators]") {
  ls::Dataflow flow;
  ls::Dataflow other;
  auto a = flow.input<Pair>("a") | ls::key_by(&Pair::first);
  auto b = other.input<Pair>("b") | ls::key_by(&Pair::first);
  const std::string before = flow.explain();
  CHECK_THROWS_WITH(std::move(a) | ls::join(std::move(b), [](const Pair& x, const Pair&) { return x; }),
                    Catch::Matchers::Contains("different dataflows"));
  CHECK(flow.explain() == before);
}

TEST_CASE("sums of terms that leave 128 bits are an overflow, not nothing", "[operators]") {
  constexpr ls::Weight kMost = ls::kMaxPushedWeight;
  ls::Dataflow flow;
  auto a = flow.input<Pair>("a");
  auto keyed = index_pairs(a);
  auto squares = keyed | ls::join(keyed, [](Number x, Number y) { return 10 * x + y; });  // each of weight 2^62
  auto all = squares | ls::join(squares, [](Number, Number) { return Number{1}; }) | ls::output("out");
  ls::Runtime runtime(flow);
  runtime[a].push(Pairs{{{1, 1}, kMost}, {{1, 2}, kMost}, {{1, 3}, kMost}, {{1, 4}, kMost}});
  CHECK_THROWS_WITH(runtime.step(), Catch::Matchers::Contains("64 bits"));  // 256 terms of 2^124
}
