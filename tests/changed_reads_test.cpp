#include <catch2/catch.hpp>
#include <lockstep_checkpoint.hpp>

#include "tests/two_inputs.hpp"

// What becomes of a directory when operators read something else, or only seem to.

namespace ls = lockstep;
using Catch::Matchers::Contains;

namespace {

Pair same(const Pair& row) { return row; }

const auto kOfA = sums([](const auto& a, const auto&) { return a; });
const auto kOfB = sums([](const auto&, const auto& b) { return b; });
const auto kOfBoth = sums([](const auto& a, const auto& b) { return a | ls::plus(b); });

}  // namespace

TEST_CASE("an operator that reads another input is refused, until it is said that its state is right", "[checkpoint]") {
  const Folder folder;
  CHECK(go_on(folder, kOfA) == "(1, 10) +1");
  CHECK_THROWS_AS(go_on(folder, kOfB), ls::ForeignCheckpoint);
  CHECK_THROWS_WITH(go_on(folder, kOfB), Contains("operator 'sums' read input 'a'; and now reads input 'b'") &&
                                             Contains("changed_reads = {\"sums\"}"));
  CHECK(go_on(folder, kOfB, {.changed_reads = {"sums"}}) == "(2, 20) +1");
  CHECK(go_on(folder, kOfB) == "(2, 20) -1, (2, 40) +1");
}

TEST_CASE("an operator that reads more, or less, of what was there is refused", "[checkpoint]") {
  const Folder folder;
  CHECK(go_on(folder, kOfA) == "(1, 10) +1");
  CHECK_THROWS_WITH(go_on(folder, kOfBoth), Contains("and now reads (input 'a' + input 'b')"));
  CHECK(go_on(folder, kOfBoth, {.changed_reads = {"sums"}}) == "(1, 10) -1, (1, 20) +1, (2, 20) +1");
  CHECK_THROWS_WITH(go_on(folder, kOfA), Contains("read (input 'a' + input 'b')"));
}

TEST_CASE("an operator before which a filter comes, or for which another member is taken, is refused", "[checkpoint]") {
  const auto filtered =
      sums([](const auto& a, const auto&) { return a | ls::filter([](const Pair&) { return true; }); });
  const auto member = [](Number Pair::*which) {
    return [which](ls::Dataflow&, const auto& a, const auto&) {
      return a | ls::map(which) | ls::group_by(ls::value, ls::count()).named("counts") | ls::output("counts");
    };
  };
  const Folder folder;
  const Folder other;
  CHECK(go_on(folder, kOfA) == "(1, 10) +1");
  CHECK_THROWS_WITH(go_on(folder, filtered), Contains("read input 'a'; and now reads filter of input 'a'"));
  CHECK(go_on(other, member(&Pair::first)) == "(1, 1) +1");
  CHECK_THROWS_WITH(go_on(other, member(&Pair::second)),
                    Contains("read map first of input 'a'; and now reads map second of input 'a'"));
}

TEST_CASE("a key that is another member of the same type is refused", "[checkpoint]") {
  const Folder folder;
  const auto by = [](auto member) {
    return [member](ls::Dataflow&, const auto& a, const auto& b) {
      return a | ls::key_by(member) | ls::semi_join(b | ls::key_by(&Pair::first)) | ls::distinct().named("matched") |
             ls::output("matched");
    };
  };
  CHECK(go_on(folder, by(&Pair::first)).empty());
  CHECK_THROWS_WITH(go_on(folder, by(&Pair::second), {.removed = {"index(key_by(a, first))"}}),
                    Contains("'matched'") && Contains("key_by second of input 'a'"));
}

TEST_CASE("sides of a join that are exchanged are refused", "[checkpoint]") {
  const Folder folder;
  const auto join = [](auto left_of, auto right_of) {
    return [=](ls::Dataflow&, const auto& a, const auto& b) {
      return left_of(a, b) | ls::key_by(&Pair::first) |
             ls::left_join(right_of(a, b) | ls::key_by(&Pair::first),
                           [](Number, const Pair& one, const std::optional<Pair>&) { return one; }) |
             ls::distinct().named("all") | ls::output("all");
    };
  };
  const auto first = [](const auto& a, const auto&) { return a; };
  const auto second = [](const auto&, const auto& b) { return b; };
  CHECK(go_on(folder, join(first, second)) == "(1, 10) +1");
  CHECK_THROWS_WITH(go_on(folder, join(second, first)), Contains("operator 'all' read left_join of"));
}

TEST_CASE("outputs that are exchanged are refused, until they go on with what comes or give all of it",
          "[checkpoint]") {
  const Folder folder;
  const auto outputs = [](const char* of_a, const char* of_b) {
    return [=](ls::Dataflow&, const auto& a, const auto& b) {
      const auto one =
          a | ls::group_by(&Pair::first, ls::sum(&Pair::second)).named("one") | ls::output(of_a, ls::accumulated);
      const auto two =
          b | ls::group_by(&Pair::first, ls::sum(&Pair::second)).named("two") | ls::output(of_b, ls::accumulated);
      return std::string(of_a) == "x" ? one : two;
    };
  };
  CHECK(go_on(folder, outputs("x", "y")) == "(1, 10) +1");
  CHECK_THROWS_WITH(go_on(folder, outputs("y", "x")),
                    Contains("output 'x' was of operator 'one' giving sum(second); and now is of operator 'two'") &&
                        Contains("output 'y' was of operator 'two' giving sum(second); and now is of operator 'one'"));
  CHECK(go_on(folder, outputs("y", "x"), {.rebuilt = {"x"}, .changed_reads = {"y"}}) == "(2, 40) +1");
  CHECK(go_on(folder, outputs("x", "y"), {.changed_reads = {"x", "y"}}) == "(1, 20) -1, (1, 30) +1");
}

TEST_CASE("outputs of rows that are exchanged are refused", "[checkpoint]") {
  const Folder folder;
  const auto outputs = [](const char* of_a, const char* of_b) {
    return [=](ls::Dataflow&, const auto& a, const auto& b) {
      (void)(b | ls::output(of_b, ls::accumulated));
      return a | ls::output(of_a, ls::accumulated);
    };
  };
  CHECK(go_on(folder, outputs("x", "y")) == "(1, 10) +1");
  CHECK_THROWS_WITH(go_on(folder, outputs("y", "x")),
                    Contains("operator 'contents(x)' read input 'a'; and now reads input 'b'") &&
                        Contains("output 'x' was of input 'a'; and now is of input 'b'"));
}

TEST_CASE("what comes from an input that is new may be added to what an operator reads", "[checkpoint]") {
  const Folder folder;
  CHECK(go_on(folder, kOfA) == "(1, 10) +1");
  Number seen = 0;
  const auto with_new = [&seen](ls::Dataflow& flow, const auto& a, const auto& b) {
    const auto c = flow.input<Pair>("c");
    const auto d = flow.table<Pair>("d", &Pair::first);
    const auto of_new = c | ls::filter([](const Pair&) { return true; }).version("1") | ls::distinct().named("new") |
                        ls::inspect([&seen](const Pair&, ls::Weight) { ++seen; });
    (void)b;
    return kSums(a | ls::plus(of_new) | ls::plus(d | ls::map(ls::value))) | ls::output("sums");
  };
  CHECK(go_on(folder, with_new) == "(1, 10) -1, (1, 20) +1");
  CHECK(go_on(folder, with_new) == "(1, 20) -1, (1, 30) +1");
  // It is read from then on.
  CHECK_THROWS_WITH(go_on(folder, kOfA, {.removed = {"c", "new", "d", "table(d)"}}),
                    Contains("'sums' read (input 'a' + map value of operator 'table(d)' + operator 'new')"));
  CHECK(go_on(folder, kOfA, {.removed = {"c", "new", "d", "table(d)"}, .changed_reads = {"sums"}}) ==
        "(1, 30) -1, (1, 40) +1");
}

TEST_CASE("it does not matter in what order Z-sets are added up, where they lie, and who shares what", "[checkpoint]") {
  const Folder folder;
  const auto one_way = [](ls::Dataflow&, const auto& a, const auto& b) {
    return a | ls::filter([](const Pair&) { return true; }) | ls::plus(b | ls::map(same)) | ls::key_by(&Pair::first) |
           ls::join(b | ls::key_by(&Pair::first), [](const Pair& x, const Pair&) { return x; }) |
           ls::distinct().named("all") | ls::output("all");
  };
  const auto another = [](ls::Dataflow&, const auto& a, const auto& b) {
    const auto filtered = a | ls::filter([](const Pair&) { return true; }) | ls::gather();
    const auto mapped = b | ls::map(same) | ls::inspect([](const Pair&, ls::Weight) {});
    const auto by_key = b | ls::key_by(&Pair::first);
    const auto keyed = mapped | ls::plus(filtered) | ls::key_by(&Pair::first);
    (void)(keyed | ls::output("keyed"));
    const auto joined = keyed | ls::join(by_key, [](const Pair& x, const Pair&) { return x; });
    (void)(by_key | ls::semi_join(keyed) | ls::output("both"));
    return joined | ls::distinct().named("all") | ls::output("all");
  };
  CHECK(go_on(folder, one_way) == "(2, (2, 20)) +1");
  CHECK_NOTHROW(go_on(folder, another));
  CHECK_NOTHROW(go_on(folder, one_way));
}

TEST_CASE("operators that are alike and have no functions hold the same, and are taken one for the other",
          "[checkpoint]") {
  const Folder folder;
  const auto twice = [](bool turned) {
    return [turned](ls::Dataflow&, const auto& a, const auto& b) {
      const auto added = turned ? (b | ls::plus(a)).stream() : (a | ls::plus(b)).stream();
      const auto all = added | ls::distinct();
      const auto inspected = added | ls::inspect([](const Pair&, ls::Weight) {}) | ls::distinct();
      return all | ls::plus(inspected) | ls::output("all");
    };
  };
  CHECK(go_on(folder, twice(false)) == "(1, 10) +2, (2, 20) +2");
  CHECK(go_on(folder, twice(true)).empty());
}

TEST_CASE("functions that had no version may be given one when they do what they did", "[checkpoint]") {
  const Folder folder;
  const auto mapped = [](const std::string& version) {
    return sums([version](const auto& a, const auto&) {
      auto map = ls::map(same);
      return a | (version.empty() ? map : map.version(version));
    });
  };
  CHECK(go_on(folder, mapped("")) == "(1, 10) +1");
  CHECK_THROWS_WITH(go_on(folder, mapped("1")), Contains("operator 'sums' was saved with no version of map, and now "
                                                         "version 1"));
  CHECK(go_on(folder, mapped("1"), {.accept_changed_functions = true}) == "(1, 10) -1, (1, 20) +1");
  CHECK_THROWS_WITH(go_on(folder, mapped("2"), {.accept_changed_functions = true}),
                    Contains("version 1 of map, and now version 2"));
  CHECK_THROWS_WITH(go_on(folder, mapped(""), {.accept_changed_functions = true}),
                    Contains("version 1 of map, and now no version"));
}

TEST_CASE("names in changes that nothing has are told beside what is wrong", "[checkpoint]") {
  const Folder folder;
  CHECK(go_on(folder, kOfA) == "(1, 10) +1");
  CHECK_THROWS_WITH(go_on(folder, kOfB, {.changed_reads = {"summs"}}),
                    Contains("'summs' is named in changes") && !Contains("'sums' is named"));
  CHECK_NOTHROW(go_on(folder, kOfA, {.changed_reads = {"summs"}}));
}

TEST_CASE("what reads a group that gives other aggregates is refused", "[checkpoint]") {
  const Folder folder;
  const auto of = [](auto aggregate) {
    return [aggregate](ls::Dataflow&, const auto& a, const auto&) {
      return a | ls::group_by(&Pair::first, aggregate).named("group") | ls::map(ls::value) |
             ls::distinct().named("all") | ls::output("all");
    };
  };
  const auto sum = ls::sum(&Pair::second);
  CHECK(go_on(folder, of(sum)) == "10 +1");
  CHECK_THROWS_WITH(go_on(folder, of(ls::count())),
                    Contains("'all' read map value of operator 'group' giving sum(second); and now reads map value of "
                             "operator 'group' giving count"));
  CHECK(go_on(folder, of(ls::count()), {.rebuilt = {"all"}}) == "2 +1");
}

TEST_CASE("an index that is new is complete before what was there looks into it", "[checkpoint]") {
  const unsigned workers = GENERATE(1U, 3U);
  const auto run = [&](bool is_changed, int rounds, const Folder& folder) {
    ls::Dataflow flow;
    const auto table = flow.table<Pair>("table", &Pair::first);
    const auto b = flow.input<Pair>("b");
    const auto in = flow.input<Pair>("in");
    const auto pair = [](const Pair& one, const Pair& other) { return Pair(one.second, other.second); };
    const auto by_key = b | ls::key_by(&Pair::first);
    const auto inspected = [&](const auto& rows) { return rows | ls::inspect([](const Pair&, ls::Weight) {}); };
    const auto joined =
        is_changed ? (inspected(table) | ls::join(by_key, pair)).stream() : (table | ls::join(by_key, pair)).stream();
    const auto gathered = is_changed ? (in | ls::gather() | ls::key_by(&Pair::first) | ls::join(by_key, pair)).stream()
                                     : (in | ls::key_by(&Pair::first) | ls::join(by_key, pair)).stream();
    (void)(in | ls::key_by(&Pair::first) | ls::semi_join(by_key) | ls::output("keeps the index"));
    const auto sums = joined | ls::plus(gathered) |
                      ls::group_by([](Number key, const Pair&) { return key; },
                                   ls::sum([](Number, const Pair& row) { return row.first + row.second; }), ls::count())
                          .named("sums") |
                      ls::output("sums", ls::accumulated);
    const auto pairs = joined | ls::output("pairs", ls::accumulated);
    ls::RuntimeOptions options;
    options.workers = workers;
    ls::CheckpointOptions checkpoints{.begin_if_empty = true};
    ls::Runtime runtime(flow, options, ls::checkpoints(folder.state(), checkpoints));
    for (int round = 0; round < rounds; ++round) {
      const auto at = static_cast<Number>(runtime.latest().number());
      if (at == 0) {
        for (Number key = 0; key < 20; ++key) runtime[table].upsert({key, key});
        for (Number key = 0; key < 20; ++key) runtime[in].push({key, 100 * key});
      }
      for (Number key = 0; key < 20; key += at + 1) runtime[b].push({key, 10 + at});
      if (at == 1) runtime[table].erase(4);
      runtime.step();
    }
    runtime.checkpoint().get();
    const ls::Snapshot now = runtime.snapshot();
    return text(now[sums].sorted()) + "; " + text(now[pairs].sorted());
  };
  const Folder changed;
  const Folder same;
  (void)run(false, 1, changed);
  (void)run(true, 1, changed);
  CHECK(run(true, 1, changed) == run(false, 3, same));
}

TEST_CASE("versions are counted where several functions of a kind read the same", "[checkpoint]") {
  const Folder folder;
  const auto of = [](const char* f, const char* g, const char* h, bool turned) {
    return sums([=](const auto& a, const auto&) {
      const auto versioned = [&](const char* version) { return a | ls::map(same).version(version); };
      if (turned) return (versioned(h) | ls::plus(versioned(g)) | ls::plus(versioned(f))).stream();
      return (versioned(f) | ls::plus(versioned(g)) | ls::plus(versioned(h))).stream();
    });
  };
  CHECK(go_on(folder, of("1", "1", "2", false)) == "(1, 30) +1");
  CHECK_THROWS_WITH(go_on(folder, of("1", "2", "2", false)), Contains("operator 'sums' was saved with"));
  CHECK_NOTHROW(go_on(folder, of("1", "1", "2", true)));
}

TEST_CASE("a stream that is added to itself again and again is told shortly", "[checkpoint]") {
  const Folder folder;
  const auto doubled = sums([](const auto& a, const auto&) {
    ls::Stream<Pair> rows = a | ls::filter([](const Pair&) { return false; });
    for (int i = 0; i < 30; ++i) rows = rows | ls::plus(rows);
    return rows;
  });
  CHECK(go_on(folder, doubled).empty());
  CHECK_THROWS_WITH(go_on(folder, kOfA), Contains("read 1073741824 x filter of input 'a'; and now reads input 'a'"));
}

TEST_CASE("names with quotes are told apart", "[checkpoint]") {
  const Folder folder;
  const auto less = [&](int first) {
    ls::Dataflow flow;
    std::vector<ls::Stream<Number>> inputs;
    for (const char* name : {"a', input 'b", "c", "a", "b', input 'c"}) inputs.push_back(flow.input<Number>(name));
    const auto at = static_cast<std::size_t>(first);
    (void)(inputs[at] | ls::except(inputs[at + 1]).named("less") | ls::output("less"));
    ls::Runtime runtime(flow, {}, ls::checkpoints(folder.state(), {.begin_if_empty = true}));
    runtime.step();
    runtime.checkpoint().get();
  };
  less(0);
  CHECK_THROWS_WITH(less(2), Contains("'less' read"));
}

TEST_CASE("a join that is told something else of null keys is refused", "[checkpoint]") {
  using Row = std::pair<std::optional<Number>, Number>;
  const Folder folder;
  const auto open = [&](auto... option) {
    ls::Dataflow flow;
    const auto a = flow.input<Row>("a") | ls::key_by(&Row::first);
    const auto b = flow.input<Row>("b") | ls::key_by(&Row::first);
    (void)(a | ls::semi_join(b, option...) | ls::distinct().named("matched") | ls::output("matched"));
    ls::Runtime runtime(flow, {}, ls::checkpoints(folder.state(), {.begin_if_empty = true}));
    runtime.step();
    runtime.checkpoint().get();
  };
  open();
  CHECK_THROWS_WITH(open(ls::nulls_never_match), Contains("semi_join nulls never match of"));
}
