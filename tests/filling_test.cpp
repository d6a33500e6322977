#include <catch2/catch.hpp>
#include <lockstep.hpp>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "runtime/durability/saved_state.hpp"
#include "tests/delta_text.hpp"

// What is new in a dataflow that goes on from saved state begins with all that came before, if an index that is there
// holds it.

namespace ls = lockstep;
using Catch::Matchers::Contains;
using Number = std::int64_t;
using Pair = std::pair<Number, Number>;

namespace {

/// A dataflow with a table, an input, and what a version of the program makes of them.
struct Program {
  ls::Dataflow flow;
  decltype(flow.table<Pair>("", &Pair::first)) prices = flow.table<Pair>("prices", &Pair::first);
  ls::Input<Pair> orders = flow.input<Pair>("orders");
  ls::Output<Pair> joined =
      orders | ls::key_by(&Pair::second) |
      ls::join(prices, [](Number, const Pair& order, const Pair& price) { return Pair(order.first, price.second); }) |
      ls::output("joined");
  decltype(orders | ls::group_by(&Pair::second, ls::count())) counts =
      orders | ls::group_by(&Pair::second, ls::count()).named("counts");

  /// The state after a few steps.
  ls::SavedState state(unsigned workers = 2) const {
    ls::Runtime runtime(flow, {.workers = workers});
    runtime[prices].upsert({1, 100});
    runtime[prices].upsert({2, 200});
    runtime[orders].push({7, 1});
    runtime.step();
    runtime[prices].upsert({2, 250});
    runtime[orders].push({8, 2}, 3);
    runtime.step();
    return runtime.save();
  }
};

constexpr const char* kNothing = "";

/// The deltas of an output in the first two steps of a program that goes on: two more orders come, one in each.
template <class R>
std::pair<std::string, std::string> first_deltas(const Program& program, const ls::Output<R>& output,
                                                 const ls::SavedState& saved, unsigned workers) {
  ls::Runtime runtime(program.flow, {.workers = workers}, saved);
  runtime[program.orders].push({9, 2});
  const std::string first = text(runtime.step()[output]);
  runtime[program.orders].push({10, 1});
  return {first, text(runtime.step()[output])};
}

}  // namespace

TEST_CASE("a new output begins with all that the operator holds, and goes on with its changes", "[filling]") {
  const ls::SavedState saved = Program().state();
  Program program;
  const auto more = program.counts | ls::output("counts");
  const unsigned workers = GENERATE(1U, 2U, 5U);
  CHECK(first_deltas(program, more, saved, workers) ==
        std::pair<std::string, std::string>("(1, 1) +1, (2, 4) +1", "(1, 1) -1, (1, 2) +1"));
}

TEST_CASE("an output that was there goes on beside a new one of the same stream", "[filling]") {
  Program program;
  const auto old = program.counts | ls::output("old");
  const ls::SavedState saved = program.state();
  const auto more = program.counts | ls::output("new");
  ls::Runtime runtime(program.flow, {.workers = 2}, saved);
  runtime[program.orders].push({9, 2});
  const ls::Step step = runtime.step();
  CHECK(text(step[old]) == "(2, 3) -1, (2, 4) +1");
  CHECK(text(step[more]) == "(1, 1) +1, (2, 4) +1");
  runtime[program.orders].push({9, 2});
  const ls::Step next = runtime.step();
  CHECK(text(next[old]) == "(2, 4) -1, (2, 5) +1");
  CHECK(text(next[more]) == "(2, 4) -1, (2, 5) +1");
}

TEST_CASE("new operators over a group, a table, and a stream that a join holds by key, begin complete", "[filling]") {
  const ls::SavedState saved = Program().state();
  const unsigned workers = GENERATE(1U, 3U);
  Program program;
  SECTION("over a group") {
    const auto how_often = program.counts | ls::group_by([](Number, Number count) { return count; }, ls::count()) |
                           ls::output("how often", ls::accumulated);
    CHECK(first_deltas(program, how_often, saved, workers) ==
          std::pair<std::string, std::string>("(1, 1) +1, (4, 1) +1", "(1, 1) -1, (2, 1) +1"));
  }
  SECTION("over a table") {
    const auto highest = program.prices | ls::map([](Number, const Pair& price) { return price.second; }) |
                         ls::aggregate(ls::max(ls::value), ls::count()) | ls::output("highest");
    CHECK(first_deltas(program, highest, saved, workers) ==
          std::pair<std::string, std::string>("(250, 2) +1", kNothing));
  }
  SECTION("over an input that a join has by key") {
    const auto all = program.orders | ls::distinct() | ls::output("all", ls::accumulated);
    CHECK(first_deltas(program, all, saved, workers) ==
          std::pair<std::string, std::string>("(7, 1) +1, (8, 2) +1, (9, 2) +1", "(10, 1) +1"));
  }
  SECTION("a join of both") {
    const auto pairs =
        program.prices |
        ls::join(program.counts, [](Number, const Pair& price, Number count) { return Pair(price.second, count); }) |
        ls::output("pairs", ls::accumulated);
    CHECK(first_deltas(program, pairs, saved, workers) ==
          std::pair<std::string, std::string>("(100, 1) +1, (250, 4) +1", "(100, 1) -1, (100, 2) +1"));
  }
  SECTION("over another new one, and over itself") {
    const auto twice = program.counts | ls::group_by([](Number, Number count) { return count; }, ls::count());
    const auto joined = twice | ls::join(twice, [](Number key, Number a, Number b) { return Pair(key, a + b); }) |
                        ls::output("joined twice");
    CHECK(first_deltas(program, joined, saved, workers) ==
          std::pair<std::string, std::string>("(1, 2) +1, (4, 2) +1", "(1, 2) -1, (2, 2) +1"));
  }
}

TEST_CASE("what joins give is made again from their indexes", "[filling]") {
  const ls::SavedState saved = Program().state();
  Program program;
  const auto again = program.orders | ls::key_by(&Pair::second) |
                     ls::join(program.prices, [](Number, const Pair&, const Pair& price) { return price.second; }) |
                     ls::group_by(ls::value, ls::count()) | ls::output("again");
  CHECK(first_deltas(program, again, saved, 2) ==
        std::pair<std::string, std::string>("(100, 1) +1, (250, 4) +1", "(100, 1) -1, (100, 2) +1"));
}

TEST_CASE("what is new may read a new input, too", "[filling]") {
  const ls::SavedState saved = Program().state();
  Program program;
  const auto more = program.flow.input<Number>("more");
  const auto doubled = more | ls::map([](Number n) { return 2 * n; });
  const auto raw = more | ls::output("raw");
  const auto counts = program.counts | ls::map([](Number, Number count) { return count; });
  const auto sums = counts | ls::plus(doubled) | ls::group_by(ls::value, ls::count()) | ls::output("sums");
  ls::Runtime runtime(program.flow, {.workers = 2, .piece_rows = 1}, saved);
  for (Number n = 1; n <= 3; ++n) runtime[more].push(n);
  const ls::Step step = runtime.step();
  CHECK(text(step[sums]) == "(1, 1) +1, (2, 1) +1, (3, 1) +1, (4, 1) +1, (6, 1) +1");
  CHECK(text(step[raw]) == "1 +1, 2 +1, 3 +1");
  runtime[more].push(1);
  CHECK(text(runtime.step()[sums]) == "(2, 1) -1, (2, 2) +1");
}

TEST_CASE("where nothing holds what came before, the error names the inputs to read again", "[filling]") {
  const ls::SavedState saved = Program().state();
  const auto open = [&](const Program& program) { ls::Runtime(program.flow, {}, saved); };
  {
    Program program;
    (void)(program.counts | ls::distinct() | ls::output("fine"));
    CHECK_NOTHROW(open(program));
  }
  {
    // What a function makes of rows cannot be undone.
    ls::Dataflow flow;
    const auto in = flow.input<Pair>("orders");
    const auto halves = in | ls::key_by(&Pair::second, [](const Pair& order) { return order.first / 2; });
    const auto add = [](Number, Number a, Number b) { return a + b; };
    (void)(halves | ls::join(halves, add) | ls::output("joined"));
    const ls::SavedState halved = ls::Runtime(flow).save();
    (void)(in | ls::distinct().named("all") | ls::output("all"));
    CHECK_THROWS_WITH(ls::Runtime(flow, {}, halved),
                      Contains("no operator 'all'") && Contains("'orders'") && Contains("read again"));
  }
  {
    ls::Dataflow flow;
    const auto in = flow.input<Number>("in");
    const auto groups = in | ls::distinct().named("distinct");
    (void)(groups | ls::output("old"));
    const ls::SavedState small = ls::Runtime(flow).save();
    (void)(groups | ls::output("new"));
    CHECK_THROWS_WITH(ls::Runtime(flow, {}, small), Contains("no output 'new'") && Contains("'in'") &&
                                                        Contains("no index keeps what 'distinct' gives"));
  }
}

TEST_CASE("what was there cannot read what is new: its state would lack what that begins with", "[filling]") {
  const auto build = [](ls::Dataflow& flow, bool is_changed) {
    const auto table = flow.table<Pair>("table", &Pair::first);
    const auto values = table | ls::map([](Number, const Pair& row) { return row.second; });
    const auto in = is_changed ? (values | ls::distinct().named("in between")) : values.stream();
    (void)(in | ls::group_by(ls::value, ls::count()).named("counts") | ls::output("counts"));
    (void)(in | ls::output("values"));
  };
  ls::Dataflow flow;
  build(flow, false);
  const ls::SavedState saved = ls::Runtime(flow).save();
  ls::Dataflow changed;
  build(changed, true);
  CHECK_THROWS_WITH(ls::Runtime(changed, {}, saved),
                    Contains("operator 'counts' read map of") && Contains("'in between', which is new"));
}

TEST_CASE("what was there may read the stream of an index that is new", "[filling]") {
  const auto build = [](ls::Dataflow& flow, bool is_changed) {
    const auto table = flow.table<Pair>("table", &Pair::first);
    using Row = std::pair<Number, Pair>;
    const auto digits = [](Number, const Row& a, const Pair& b) { return 10 * a.first + b.first; };
    std::optional<ls::Output<Number>> pairs;
    // Its index gives the stream, to whoever keys the table alike.
    if (is_changed) pairs = table | ls::key_by(&Pair::second) | ls::join(table, digits) | ls::output("pairs");
    const auto by_value = table | ls::key_by(&Pair::second);
    const auto keyed = by_value.stream();
    const auto counts = keyed | ls::group_by(ls::key, ls::count()).named("counts") | ls::output("counts");
    return std::tuple(table, counts, pairs);
  };
  ls::Dataflow flow;
  const auto before = std::get<0>(build(flow, false));
  ls::Runtime first(flow);
  for (Number n = 0; n < 4; ++n) first[before].upsert({n, n % 2});
  first.step();
  ls::Dataflow changed;
  const auto [table, counts, pairs] = build(changed, true);
  ls::Runtime runtime(changed, {.workers = 3}, first.save());
  runtime[table].erase(2);
  const ls::Step step = runtime.step();
  CHECK(text(step[counts]) == "(0, 1) +1, (0, 2) -1");
  CHECK(text(step[*pairs]) == "0 +1, 11 +1, 31 +1");
  runtime[table].erase(0);
  CHECK(text(runtime.step()[*pairs]) == "0 -1");  // of what went in the first step, the index holds nothing
}

TEST_CASE("until the first step, what is new is in no saved state and in no snapshot", "[filling]") {
  const ls::SavedState saved = Program().state();
  Program program;
  const auto how_often = program.counts | ls::group_by([](Number, Number count) { return count; }, ls::count()) |
                         ls::output("how often", ls::accumulated);
  ls::Runtime first(program.flow, {}, saved);
  CHECK(text(first.snapshot()[how_often]) == kNothing);
  ls::Runtime second(program.flow, {.workers = 3}, first.save());
  CHECK(text(second.step()[how_often]) == "(1, 1) +1, (3, 1) +1");
  CHECK(text(second.snapshot()[how_often]) == "(1, 1) +1, (3, 1) +1");
  ls::Runtime third(program.flow, {}, second.save());
  CHECK(text(third.step()[how_often]) == kNothing);
  CHECK(text(third.snapshot()[how_often]) == "(1, 1) +1, (3, 1) +1");
}

TEST_CASE("a runtime that steps by itself makes what is new complete, though no row comes", "[filling]") {
  const ls::SavedState saved = Program().state();
  Program program;
  const auto more = program.counts | ls::output("more");
  ls::Runtime runtime(program.flow, {.workers = 2}, saved);
  ls::Subscription steps = runtime.subscribe();
  runtime.start({});
  const auto step = steps.next();
  REQUIRE(step);
  CHECK(text((*step)[more]) == "(1, 1) +1, (2, 3) +1");
  runtime.stop();
}
