#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <lockstep_checkpoint.hpp>
#include <optional>

#include "tests/two_inputs.hpp"

// What is made again and what reads it, what was not there yet when a checkpoint was taken, and functions in many
// places.

namespace ls = lockstep;
using Catch::Matchers::Contains;

namespace {

/// Sums by key, "g", and how many of them there are, "h", in the output `how many` or "sums".
template <class Of>
auto groups(Of of, bool how_many) {
  return [of, how_many](ls::Dataflow&, const auto& a, const auto& b) -> ls::Output<Pair> {
    const auto sums = of(a, b) | ls::group_by(&Pair::first, ls::sum(&Pair::second)).named("g");
    const auto out = sums | ls::output("sums", ls::accumulated);
    const auto count = sums | ls::aggregate(ls::count()).named("h") |
                       ls::map([](std::int64_t count) { return Pair(0, count); }).version("1") |
                       ls::output("how many", ls::accumulated);
    return how_many ? count : out;
  };
}

}  // namespace

TEST_CASE("what reads an operator that is made again has to be made again, too, and all of it is told at once",
          "[checkpoint]") {
  const auto of_a = [](const auto& a, const auto&) { return a; };
  const auto of_b = [](const auto&, const auto& b) { return b; };
  // It begins empty: since it is told so, or as it is of a new input only.
  const auto expect_refusal = [](const Folder& folder, const auto& changed, ls::ProgramChanges changes) {
    CHECK_THROWS_WITH(
        go_on(folder, changed, changes),
        Contains(
            "operator 'h' reads operator 'g', which is made again: so has to be its state: say rebuilt = {\"h\"}") &&
            Contains("output 'sums' is of operator 'g', which is made again") &&
            Contains("output 'how many' is of operator 'h', which is made again"));
    changes.rebuilt.insert({"h", "sums"});
    CHECK_THROWS_WITH(go_on(folder, changed, changes), !Contains("'sums'") && Contains("output 'how many'"));
    changes.rebuilt.insert({"how many", "contents(how many)"});
    CHECK(go_on(folder, changed, changes) == "(0, 1) +1");
  };
  const Folder told;
  CHECK(go_on(told, groups(of_a, true)) == "(0, 1) +1");
  expect_refusal(told, groups(of_b, true), {.begin_empty = {"g"}, .rebuilt = {"g"}});

  const Folder new_input;
  const auto without_b = [&] {
    ls::Dataflow flow;
    const auto a = flow.input<Pair>("a");
    (void)groups(of_a, true)(flow, a, a);
    ls::Runtime runtime(flow, {}, ls::checkpoints(new_input.state(), {.begin_if_empty = true}));
    runtime[a].push({1, 10});
    runtime.step();
    runtime.checkpoint().get();
  };
  without_b();
  expect_refusal(new_input, groups(of_b, true), {.rebuilt = {"g"}});
}

TEST_CASE("a program may be opened, take a checkpoint, and be opened again, without a step", "[checkpoint]") {
  const Folder folder;
  const auto open = [&](bool with_new, const auto& go) {
    ls::Dataflow flow;
    const auto table = flow.table<Pair>("table", &Pair::first);
    const auto rows = table | ls::map(ls::value);
    (void)(rows | ls::output("rows"));
    std::optional<ls::Input<Pair>> input;
    std::optional<ls::KeyedOutput<Number, Number>> sums;
    if (with_new) {
      input = flow.input<Pair>("new");
      (void)(*input | ls::distinct().named("of the new one") | ls::output("distinct", ls::accumulated));
      sums = rows | ls::plus(*input) | ls::group_by(&Pair::first, ls::sum(&Pair::second)).named("sums") |
             ls::output("sums", ls::accumulated);
    }
    ls::Runtime runtime(flow, {.workers = 2}, ls::checkpoints(folder.state(), {.begin_if_empty = true}));
    return go(runtime, table, input, sums);
  };
  open(false, [](ls::Runtime& runtime, const auto& table, const auto&, const auto&) {
    runtime[table].upsert({1, 10});
    runtime.step();
    runtime.checkpoint().get();
  });
  for (int i = 0; i < 2; ++i) {
    open(true, [](ls::Runtime& runtime, const auto&, const auto&, const auto&) {
      runtime.checkpoint().get();
      runtime.save();
    });
  }
  const std::string shown = open(true, [](ls::Runtime& runtime, const auto&, const auto& input, const auto& sums) {
    runtime[*input].push({2, 20});
    const std::string given = text(runtime.step()[*sums].sorted());
    runtime.checkpoint().get();
    return given;
  });
  CHECK(shown == "(1, 10) +1, (2, 20) +1");
  const std::string later = open(true, [](ls::Runtime& runtime, const auto&, const auto& input, const auto& sums) {
    CHECK(runtime.position(*input) == 1);
    runtime[*input].push({2, 5});
    return text(runtime.step()[*sums].sorted());
  });
  CHECK(later == "(2, 20) -1, (2, 25) +1");
}

TEST_CASE("functions are told apart by the places where they stand", "[checkpoint]") {
  const auto filter = [](const auto& rows, int version) {
    return rows | ls::filter([](const Pair&) { return true; }).version(std::to_string(version));
  };
  // Four versions, and how the filters that have them are put together.
  using Versions = std::array<int, 4>;
  const auto nested = [&](const Versions& v) {
    return [=](const auto& a, const auto&) {
      return filter(a, v[0]) | ls::minus(filter(a, v[1]) | ls::minus(filter(a, v[2]))) | ls::plus(filter(a, v[3]));
    };
  };
  const auto shared = [&](const Versions& v) {
    return [=](const auto& a, const auto& b) {
      const auto one = filter(a, v[0]) | ls::plus(filter(b, v[1]));
      return filter(one, v[2]) | ls::minus(one) | ls::minus(filter(one, v[3]));
    };
  };
  const auto twice = [&](const Versions& v) {
    return [=](const auto& a, const auto&) {
      const auto negated = [&](int version) { return filter(a, version) | ls::negate(); };
      return negated(v[0]) | ls::plus(negated(v[1])) | ls::plus(negated(v[2])) | ls::plus(negated(v[3]));
    };
  };
  const auto versions_of = [](int bits) {
    Versions versions{};
    for (std::size_t i = 0; i < versions.size(); ++i) versions[i] = 1 + (bits >> i) % 2;
    return versions;
  };
  const auto check = [&](const auto& shape, const auto& same) {
    for (int was = 0; was < 16; ++was) {
      ls::Dataflow flow;
      const auto a = flow.input<Pair>("a");
      const auto b = flow.input<Pair>("b");
      (void)(kSums(shape(versions_of(was))(a, b)) | ls::output("sums"));
      const ls::SavedState saved = ls::Runtime(flow).save();
      for (int is = 0; is < 16; ++is) {
        ls::Dataflow changed;
        const auto c = changed.input<Pair>("a");
        const auto d = changed.input<Pair>("b");
        (void)(kSums(shape(versions_of(is))(c, d)) | ls::output("sums"));
        const bool is_same = same(versions_of(was), versions_of(is));
        INFO(was << " and " << is);
        if (is_same) {
          CHECK_NOTHROW(ls::Runtime(changed, {}, saved));
        } else {
          CHECK_THROWS_AS(ls::Runtime(changed, {}, saved), ls::SavedStateError);
          CHECK_NOTHROW(ls::Runtime(changed, {}, saved, {.changed_functions = {"sums"}}));
        }
      }
    }
  };
  // What is added up commutes.
  const auto sorted = [](Versions v, std::size_t first, std::size_t second) {
    if (v[first] > v[second]) std::swap(v[first], v[second]);
    return v;
  };
  check(shared, [](const Versions& v, const Versions& w) { return v == w; });
  check(nested, [&](const Versions& v, const Versions& w) { return sorted(v, 0, 3) == sorted(w, 0, 3); });
  check(twice, [](Versions v, Versions w) {
    std::sort(v.begin(), v.end());
    std::sort(w.begin(), w.end());
    return v == w;
  });
}
