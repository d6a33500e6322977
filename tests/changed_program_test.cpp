#include <catch2/catch.hpp>
#include <lockstep_checkpoint.hpp>

#include "tests/delta_text.hpp"
#include "tests/numbers.hpp"

// What becomes of a directory when the program changes: each line of the table in docs/state.md.

namespace ls = lockstep;
using Catch::Matchers::Contains;
using Pair = std::pair<Number, Number>;

namespace {

/// A dataflow, described by what it adds to an input, and what its output "counts" says of a row that comes once more.
template <class Build>
std::string go_on(const Folder& folder, Build&& build, const ls::ProgramChanges& changes = {},
                  const ls::RuntimeOptions& options = {}) {
  ls::Dataflow flow;
  const auto in = flow.input<Number>("in");
  const ls::Output<Pair> counts = build(flow, in);
  ls::Runtime runtime(flow, options, ls::checkpoints(folder.state(), {.begin_if_empty = true, .changes = changes}));
  for (Number n = 0; n < 3; ++n) runtime[in].push(n);
  const std::string shown = text(runtime.step()[counts].sorted());
  runtime.checkpoint().get();
  return shown;
}

const auto kCounts = [](ls::Dataflow&, const auto& in) {
  return in | ls::group_by(ls::value, ls::count()).named("counts") | ls::output("counts");
};
const char* const kOnce = "(0, 1) +1, (1, 1) +1, (2, 1) +1";
const char* const kAgain = "(0, 1) -1, (0, 2) +1, (1, 1) -1, (1, 2) +1, (2, 1) -1, (2, 2) +1";

}  // namespace

TEST_CASE("what is new is complete in the first step, if an index holds what it begins with", "[checkpoint]") {
  const Folder folder;
  CHECK(go_on(folder, kCounts) == kOnce);
  const auto more = [](ls::Dataflow&, const auto& in) {
    const auto counts = in | ls::group_by(ls::value, ls::count()).named("counts");
    const auto how_often = counts | ls::group_by([](Number, Number count) { return count; }, ls::count());
    (void)(counts | ls::output("counts"));
    return how_often | ls::output("how often");
  };
  CHECK(go_on(folder, more) == "(2, 3) +1");
  CHECK(go_on(folder, more) == "(2, 3) -1, (3, 3) +1");
}

TEST_CASE("an operator that is new is an error that names the inputs to read again, or begins empty if told so",
          "[checkpoint]") {
  const Folder folder;
  CHECK(go_on(folder, kCounts) == kOnce);
  const auto with_another = [](ls::Dataflow& flow, const auto& in) {
    (void)(in | ls::distinct().named("all") | ls::output("all"));
    return kCounts(flow, in);
  };
  CHECK_THROWS_AS(go_on(folder, with_another), ls::ForeignCheckpoint);
  CHECK_THROWS_WITH(go_on(folder, with_another), Contains("'all'") && Contains("'in'") && Contains("read again"));
  CHECK(go_on(folder, with_another, {.begin_empty = {"all"}}) == kAgain);
  CHECK_THAT(go_on(folder, with_another), Contains("(2, 3) +1"));  // it is not new any more
}

TEST_CASE("what is made of operators that begin empty begins with what these give", "[checkpoint]") {
  const Folder folder;
  CHECK(go_on(folder, kCounts) == kOnce);
  const auto more = [](ls::Dataflow& flow, const auto& in) {
    const auto again = in | ls::group_by(ls::value, ls::count()).named("again");
    (void)kCounts(flow, in);
    return again | ls::filter([](Number n, Number) { return n != 1; }) | ls::output("filtered");
  };
  CHECK_THROWS_WITH(go_on(folder, more), Contains("'again'") && Contains("read again"));
  CHECK(go_on(folder, more, {.begin_empty = {"again"}}) == "(0, 1) +1, (2, 1) +1");
  CHECK(go_on(folder, more) == "(0, 1) -1, (0, 2) +1, (2, 1) -1, (2, 2) +1");
}

TEST_CASE("operators of an input that is new begin empty", "[checkpoint]") {
  const Folder folder;
  CHECK(go_on(folder, kCounts) == kOnce);
  const auto with_input = [](ls::Dataflow& flow, const auto& in) {
    const auto other = flow.input<Number>("other");
    (void)(other | ls::distinct() | ls::output("others"));
    (void)flow.table<Pair>("table", &Pair::first);
    return kCounts(flow, in);
  };
  CHECK(go_on(folder, with_input) == kAgain);
}

TEST_CASE("an operator or input that is gone is an error, or dropped if told so", "[checkpoint]") {
  const Folder folder;
  const auto with_more = [](ls::Dataflow& flow, const auto& in) {
    const auto other = flow.input<Number>("other");
    (void)(other | ls::distinct().named("others") | ls::output("others"));
    return kCounts(flow, in);
  };
  CHECK(go_on(folder, with_more) == kOnce);
  CHECK_THROWS_AS(go_on(folder, kCounts), ls::ForeignCheckpoint);
  CHECK_THROWS_WITH(go_on(folder, kCounts), Contains("'other'"));
  CHECK_THROWS_WITH(go_on(folder, kCounts, {.removed = {"other"}}),
                    Contains("'others'") && Contains("removed = {\"others\"}"));
  CHECK(go_on(folder, kCounts, {.removed = {"other", "others"}}) == kAgain);
  CHECK_THAT(go_on(folder, kCounts, {.removed = {"other", "others"}}), Contains("(2, 3) +1"));
  CHECK_THAT(go_on(folder, kCounts), Contains("(2, 4) +1"));
}

TEST_CASE("an operator that was renamed goes on", "[checkpoint]") {
  const Folder folder;
  CHECK(go_on(folder, kCounts) == kOnce);
  const auto renamed = [](ls::Dataflow&, const auto& in) {
    return in | ls::group_by(ls::value, ls::count()).named("how often") | ls::output("counts");
  };
  CHECK_THROWS_WITH(go_on(folder, renamed), Contains("'counts'") && Contains("renamed"));
  CHECK_THROWS_WITH(go_on(folder, renamed, {.renamed = {{"count", "how often"}}}), Contains("'counts'"));
  CHECK(go_on(folder, renamed, {.renamed = {{"counts", "how often"}}}) == kAgain);
  CHECK_THAT(go_on(folder, renamed, {.renamed = {{"counts", "how often"}}}), Contains("(2, 3) +1"));
  CHECK_THAT(go_on(folder, renamed), Contains("(2, 4) +1"));
}

TEST_CASE("an input that was renamed keeps its positions and its table", "[checkpoint]") {
  const Folder folder;
  const auto run = [&](const char* name, const ls::ProgramChanges& changes) {
    ls::Dataflow flow;
    const auto table = flow.table<Pair>(name, &Pair::first);
    ls::Runtime runtime(flow, {}, ls::checkpoints(folder.state(), {.begin_if_empty = true, .changes = changes}));
    runtime[table].erase(7);  // which tells the position
    const std::uint64_t position = runtime.step()[ls::ledger(table)].begin()->row.position;
    runtime[table].upsert({static_cast<Number>(position), 1});
    runtime.step();
    runtime.checkpoint().get();
    return text(runtime.snapshot()[table]);
  };
  CHECK(run("old", {}) == "(0, (0, 1)) +1");
  CHECK_THROWS_WITH(run("new", {}), Contains("'old'"));
  CHECK(run("new", {.renamed = {{"old", "new"}}}) == "(0, (0, 1)) +1, (2, (2, 1)) +1");
}

TEST_CASE("a key or aggregate that is another one is refused", "[checkpoint]") {
  const Folder folder;
  CHECK(go_on(folder, kCounts) == kOnce);
  const auto other_key = [](ls::Dataflow&, const auto& in) {
    return in | ls::map([](Number n) { return Pair(n, n); }) |
           ls::group_by(&Pair::second, ls::count()).named("counts") | ls::output("counts");
  };
  CHECK_THROWS_WITH(go_on(folder, other_key, {.changed_functions = {"counts"}}),
                    Contains("'counts' was saved as") && Contains("and now is"));
  const auto other_aggregate = [](ls::Dataflow&, const auto& in) {
    return in | ls::group_by(ls::value, ls::max(ls::value)).named("counts") | ls::output("counts");
  };
  CHECK_THROWS_WITH(go_on(folder, other_aggregate), Contains("'counts' was saved as"));
}

TEST_CASE("a function with another version is refused, until its change is accepted", "[checkpoint]") {
  const Folder folder;
  const auto version = [](const char* text) {
    return [text](ls::Dataflow&, const auto& in) {
      return in | ls::map([](Number n) { return n; }).named("same").version(text) |
             ls::group_by(ls::value, ls::count()).named("counts") | ls::output("counts");
    };
  };
  CHECK(go_on(folder, version("1")) == kOnce);
  CHECK_THROWS_WITH(go_on(folder, version("2")),
                    Contains("version 1") && Contains("version 2") && Contains("'counts'"));
  CHECK(go_on(folder, version("2"), {.changed_functions = {"counts"}}) == kAgain);
  CHECK_THAT(go_on(folder, version("2")), Contains("(2, 3) +1"));
}

TEST_CASE(
    "an output by a function with another version is refused, until it goes on with what comes or gives all of it",
    "[checkpoint]") {
  const Folder folder;
  const auto times = [](Number factor) {
    return [factor](ls::Dataflow&, const auto& in) {
      return in | ls::group_by(ls::value, ls::count()).named("counts") |
             ls::map([=](Number n, Number count) { return Pair(n, factor * count); }).version(std::to_string(factor)) |
             ls::output("times");
    };
  };
  CHECK(go_on(folder, times(1)) == kOnce);
  CHECK_THROWS_WITH(go_on(folder, times(10)),
                    Contains("output 'times' was saved with version 1 of map, and now version 10: if what comes "
                             "continues what it gave, say changed_functions = {\"times\"}; if all of it is to come "
                             "again, rebuilt = {\"times\"}"));
  CHECK(go_on(folder, times(10), {.changed_functions = {"times"}}) ==
        "(0, 10) -1, (0, 20) +1, (1, 10) -1, (1, 20) +1, (2, 10) -1, (2, 20) +1");
  CHECK(go_on(folder, times(1), {.rebuilt = {"times"}}) == "(0, 3) +1, (1, 3) +1, (2, 3) +1");
  CHECK_THAT(go_on(folder, times(1), {.rebuilt = {"times"}}), Contains("(2, 3) -1, (2, 4) +1"));
}

TEST_CASE("the number of workers and the limits may change", "[checkpoint]") {
  const Folder folder;
  CHECK(go_on(folder, kCounts) == kOnce);
  CHECK(go_on(folder, kCounts, {}, {.workers = 3, .limits = ls::IndexLimits::minimum()}) == kAgain);
  CHECK_THAT(go_on(folder, kCounts, {}, {.workers = 2}), Contains("(2, 3) +1"));
}
