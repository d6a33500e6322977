#include <catch2/catch.hpp>
#include <functional>
#include <lockstep_checkpoint.hpp>

#include "tests/delta_text.hpp"
#include "tests/numbers.hpp"

// What becomes of a directory when operators take names that others had.

namespace ls = lockstep;
using Catch::Matchers::Contains;
using Pair = std::pair<Number, Number>;

namespace {

/// A program of sums by key, each of an input of its own. Each start pushes a row (n, amount) into each for some n,
/// with the amount that its input is for, and says what is held then.
struct Program {
  struct Sum {
    std::string input;
    std::string name;
  };

  std::string start(const Folder& folder, const std::vector<Sum>& sums, const ls::ProgramChanges& changes,
                    std::vector<Number> keys) {
    ls::Dataflow flow;
    std::vector<ls::Input<Pair>> inputs;
    std::vector<ls::KeyedOutput<Number, Number>> outputs;
    for (const Sum& sum : sums) {
      inputs.push_back(flow.input<Pair>(sum.input));
      outputs.push_back(inputs.back() | ls::group_by(&Pair::first, ls::sum(&Pair::second)).named(sum.name) |
                        ls::output("of " + sum.input, ls::accumulated));
    }
    ls::Runtime runtime(flow, {.workers = 2},
                        ls::checkpoints(folder.state(), {.begin_if_empty = true, .changes = changes}));
    for (const Number key : keys) {
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        runtime[inputs[i]].push({key, static_cast<Number>(sums[i].input[0] - 'a' + 1)});
      }
    }
    if (!keys.empty()) runtime.step();
    CHECK(runtime.checkpoint().get() == (steps_ += keys.empty() ? 0 : 1));
    std::string all;
    const ls::Snapshot now = runtime.snapshot();
    for (std::size_t i = 0; i < outputs.size(); ++i)
      all += sums[i].input + ": " + text(now[outputs[i]].sorted()) + "; ";
    return all;
  }

 private:
  std::uint64_t steps_ = 0;
};

}  // namespace

TEST_CASE("operators that are renamed to names that others had keep their own state, also at the starts after it",
          "[checkpoint]") {
  const Folder folder;
  Program program;
  const ls::ProgramChanges moved{.renamed = {{"x", "y"}, {"y", "z"}}};
  CHECK(program.start(folder, {{"a", "x"}, {"b", "y"}}, {}, {0, 1}) ==
        "a: (0, 1) +1, (1, 1) +1; b: (0, 2) +1, (1, 2) +1; ");
  const std::vector<Program::Sum> now{{"a", "y"}, {"b", "z"}};
  CHECK(program.start(folder, now, moved, {0}) == "a: (0, 2) +1, (1, 1) +1; b: (0, 4) +1, (1, 2) +1; ");
  CHECK(program.start(folder, now, {}, {}) == "a: (0, 2) +1, (1, 1) +1; b: (0, 4) +1, (1, 2) +1; ");
  CHECK(program.start(folder, now, moved, {1}) == "a: (0, 2) +1, (1, 2) +1; b: (0, 4) +1, (1, 4) +1; ");
  CHECK(program.start(folder, now, {}, {}) == "a: (0, 2) +1, (1, 2) +1; b: (0, 4) +1, (1, 4) +1; ");
}

TEST_CASE("a new operator may take the name of one that is renamed", "[checkpoint]") {
  const Folder folder;
  Program program;
  const ls::ProgramChanges renamed{.renamed = {{"x", "w"}}};
  CHECK(program.start(folder, {{"a", "x"}}, {}, {0, 1, 2}) == "a: (0, 1) +1, (1, 1) +1, (2, 1) +1; ");
  const std::vector<Program::Sum> now{{"a", "w"}, {"b", "x"}};
  CHECK(program.start(folder, now, renamed, {2}) == "a: (0, 1) +1, (1, 1) +1, (2, 2) +1; b: (2, 2) +1; ");
  CHECK(program.start(folder, now, {}, {}) == "a: (0, 1) +1, (1, 1) +1, (2, 2) +1; b: (2, 2) +1; ");
  CHECK(program.start(folder, now, renamed, {3}) ==
        "a: (0, 1) +1, (1, 1) +1, (2, 2) +1, (3, 1) +1; b: (2, 2) +1, (3, 2) +1; ");
}

TEST_CASE("an operator may be renamed to one that is removed", "[checkpoint]") {
  const Folder folder;
  Program program;
  const ls::ProgramChanges changes{.renamed = {{"y", "x"}}, .removed = {"x", "a"}};
  (void)program.start(folder, {{"a", "x"}, {"b", "y"}}, {}, {0, 1});
  CHECK(program.start(folder, {{"b", "x"}}, changes, {1}) == "b: (0, 2) +1, (1, 4) +1; ");
  CHECK(program.start(folder, {{"b", "x"}}, {}, {}) == "b: (0, 2) +1, (1, 4) +1; ");
  CHECK(program.start(folder, {{"b", "x"}}, changes, {1}) == "b: (0, 2) +1, (1, 6) +1; ");
}

TEST_CASE("operators are not renamed in a circle, nor to what is not there", "[checkpoint]") {
  const Folder folder;
  Program program;
  (void)program.start(folder, {{"a", "x"}, {"b", "y"}}, {}, {0});
  const auto open = [&](const ls::ProgramChanges& changes) {
    (void)program.start(folder, {{"a", "y"}, {"b", "x"}}, changes, {0});
  };
  CHECK_THROWS_AS(open({.renamed = {{"x", "y"}, {"y", "x"}}}), ls::ForeignCheckpoint);
  CHECK_THROWS_WITH(open({.renamed = {{"x", "y"}, {"y", "x"}}}), Contains("circle"));
  CHECK_THROWS_WITH(open({.renamed = {{"x", "q"}}}), Contains("'x' is renamed to 'q', which this dataflow has not"));
}

TEST_CASE("what has changed is in a checkpoint, be there no step before it", "[checkpoint]") {
  const Folder folder;
  Program program;
  (void)program.start(folder, {{"a", "x"}}, {}, {0});
  CHECK(program.start(folder, {{"a", "y"}}, {.renamed = {{"x", "y"}}}, {}) == "a: (0, 1) +1; ");
  CHECK(program.start(folder, {{"a", "y"}}, {}, {}) == "a: (0, 1) +1; ");
  CHECK(program.start(folder, {{"a", "y"}}, {}, {0}) == "a: (0, 2) +1; ");
}

TEST_CASE("names that are derived follow an input that is renamed", "[checkpoint]") {
  const Folder folder;
  const auto open = [&](const std::string& left, const std::string& right, const ls::ProgramChanges& changes) {
    ls::Dataflow flow;
    const auto a = flow.input<Pair>(left);
    const auto b = flow.table<Pair>(right, &Pair::first);
    const auto out =
        a | ls::key_by(&Pair::second) |
        ls::join(b | ls::map(ls::value) | ls::key_by(&Pair::second), [](const Pair& x, const Pair&) { return x; }) |
        ls::distinct() | ls::group_by(ls::key, ls::count(), ls::max(&Pair::first)) | ls::output("out", ls::accumulated);
    ls::Runtime runtime(flow, {.workers = 2},
                        ls::checkpoints(folder.state(), {.begin_if_empty = true, .changes = changes}));
    runtime[a].push({static_cast<Number>(runtime.latest().number()), 1});
    runtime[b].upsert({1, 1});
    runtime.step();
    runtime.checkpoint().get();
    return text(runtime.snapshot()[out].sorted());
  };
  CHECK(open("a", "b", {}) == "(1, (1, 0)) +1");
  CHECK_THROWS_WITH(open("c", "d", {.renamed = {{"a", "c"}}}), Contains("'b'"));
  CHECK(open("c", "d", {.renamed = {{"a", "c"}, {"b", "d"}}}) == "(1, (2, 1)) +1");
  CHECK(open("c", "d", {.renamed = {{"a", "c"}, {"b", "d"}}}) == "(1, (3, 2)) +1");
  CHECK(open("c", "d", {}) == "(1, (4, 3)) +1");
}

TEST_CASE("operators with derived names that nothing else tells apart are not taken one for the other",
          "[checkpoint]") {
  const Folder folder;
  const auto open = [&](const char* one, const char* two, const ls::ProgramChanges& changes) {
    ls::Dataflow flow;
    const auto in = flow.input<Number>("in");
    const auto odd = [&](const char* name) {
      return in | ls::filter([](Number n) { return n % 2 != 0; }) | ls::negate().named(name) | ls::distinct();
    };
    (void)(odd(one) | ls::output("one"));
    if (two != nullptr) (void)(odd(two) | ls::output("two"));
    ls::Runtime runtime(flow, {}, ls::checkpoints(folder.state(), {.begin_if_empty = true, .changes = changes}));
    runtime.step();
    runtime.checkpoint().get();
  };
  open("f", nullptr, {});
  CHECK_THROWS_WITH(open("g", "h", {}), Contains("has an operator 'distinct(f)'"));
  CHECK_NOTHROW(open("g", nullptr, {}));
  CHECK_NOTHROW(open("g", "h", {.begin_empty = {"distinct(h)", "two"}}));
  CHECK_THROWS_WITH(open("i", "j", {}), Contains("'distinct(g)'") && Contains("'distinct(h)'"));
  CHECK_NOTHROW(open("i", "j", {.renamed = {{"distinct(g)", "distinct(i)"}, {"distinct(h)", "distinct(j)"}}}));
}

TEST_CASE("an operator with a derived name follows a function that is renamed only if that is said", "[checkpoint]") {
  const Folder folder;
  const auto open = [&](const char* name, const ls::ProgramChanges& changes) {
    ls::Dataflow flow;
    const auto in = flow.input<Number>("in");
    (void)(in | ls::filter([](Number n) { return n % 2 != 0; }).named(name) | ls::distinct() | ls::output("out"));
    ls::Runtime runtime(flow, {}, ls::checkpoints(folder.state(), {.begin_if_empty = true, .changes = changes}));
    runtime.step();
    runtime.checkpoint().get();
  };
  open("f", {});
  CHECK_THROWS_WITH(open("g", {}), Contains("has an operator 'distinct(f)'"));
  CHECK_NOTHROW(open("g", {.renamed = {{"f", "g"}}}));
}

TEST_CASE("inputs that are renamed one over the other keep their ledgers", "[checkpoint]") {
  using Names = std::vector<std::string>;
  const auto open = [](const Folder& folder, const Names& names, const ls::ProgramChanges& changes) {
    ls::Dataflow flow;
    std::vector<ls::Input<Number>> inputs;
    for (const std::string& name : names) {
      inputs.push_back(flow.input<Number>(name, {.append_only = true}));
      (void)ls::ledger(inputs.back(), ls::accumulated);
    }
    ls::Runtime runtime(flow, {}, ls::checkpoints(folder.state(), {.begin_if_empty = true, .changes = changes}));
    std::string shown;
    for (std::size_t i = 0; i < names.size(); ++i) {
      for (std::size_t rejected = 0; rejected <= i; ++rejected) runtime[inputs[i]].push(1, -1);
    }
    runtime.step();
    for (const auto& input : inputs) shown += std::to_string(runtime.snapshot()[ls::ledger(input)].size()) + " ";
    runtime.checkpoint().get();
    return shown;
  };
  const Folder moved;
  CHECK(open(moved, {"a", "b"}, {}) == "1 2 ");
  CHECK(open(moved, {"b", "c"}, {.renamed = {{"a", "b"}, {"b", "c"}}}) == "2 4 ");
  CHECK(open(moved, {"b", "c"}, {.renamed = {{"a", "b"}, {"b", "c"}}}) == "3 6 ");
  const Folder replaced;
  CHECK(open(replaced, {"a"}, {}) == "1 ");
  CHECK(open(replaced, {"b", "a"}, {.renamed = {{"a", "b"}}}) == "2 2 ");
  CHECK(open(replaced, {"b", "a"}, {.renamed = {{"a", "b"}}}) == "3 4 ");
}
