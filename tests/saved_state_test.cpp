#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <lockstep.hpp>
#include <map>

#include "tests/delta_text.hpp"

namespace ls = lockstep;
using Number = std::int64_t;
using Pair = std::pair<Number, Number>;
using Catch::Matchers::Contains;

namespace {

/// Every kind of state: an index, groups linear and ordered, distinct, a table, contents.
struct Stateful {
  ls::Dataflow flow;
  ls::Input<Pair> in = flow.input<Pair>("in");
  decltype(flow.table<Pair>("table", &Pair::first)) table = flow.table<Pair>("table", &Pair::first);
  ls::Output<Pair> joined = in | ls::key_by(&Pair::first, &Pair::second) |
                            ls::join(table, [](Number a, const Pair& b) { return a + b.second; }) | ls::distinct() |
                            ls::output("joined", ls::accumulated);
  ls::Output<std::pair<Number, std::tuple<double, Number>>> groups =
      in | ls::group_by(&Pair::first, ls::avg(&Pair::second), ls::min(&Pair::second)) | ls::output("groups");

  /// Steps `from` to `to` of one history.
  std::string run(ls::Runtime& runtime, Number from, Number to) {
    std::string out;
    for (Number i = from; i < to; ++i) {
      runtime[in].push({i % 7, i * i % 11}, 1 + i % 3);
      runtime[in].push({(i - 3) % 7, (i - 3) * (i - 3) % 11}, -1);
      if (i % 4 == 0) runtime[table].upsert({i % 7, i});
      if (i % 9 == 0) runtime[table].erase((i + 3) % 7);
      const auto step = runtime.step();
      out += fmt::format("{}: {} | {} | {} | {}\n", step.number(), text(step[joined]), text(step[groups]),
                         text(step[ledger(table)]), text(runtime.snapshot()[joined]));
    }
    return out;
  }
};

/// An operator that can be saved, and does not say as what.
struct Keeper {
  void save(ls::StateWriter&) const {}
  void load(ls::Decoder&) {}
  template <class Reader>
  void eval(Reader&, ls::Batch<Number>&) {}
};

ls::SavedState small_state() {
  Stateful stateful;
  ls::Runtime runtime(stateful.flow);
  stateful.run(runtime, 0, 4);
  return runtime.save();
}

}  // namespace

TEST_CASE("saved state goes on with the same steps on any number of workers", "[saved state]") {
  const unsigned before = GENERATE(1U, 4U);
  const unsigned after = GENERATE(1U, 3U, 16U);
  Stateful stateful;
  const auto limits = GENERATE(ls::IndexLimits{}, ls::IndexLimits::minimum());
  ls::Runtime first(stateful.flow, {.workers = before, .limits = limits});
  stateful.run(first, 0, 40);
  first[stateful.in].push({1, 1});  // staged, not sealed: not saved
  const auto saved = first.save();
  Stateful again;
  ls::Runtime second(again.flow, {.workers = after}, saved);
  ls::Runtime straight(stateful.flow);
  stateful.run(straight, 0, 40);
  CHECK(again.run(second, 40, 80) == stateful.run(straight, 40, 80));
  CHECK(second.latest().number() == 80);
}

TEST_CASE("a runtime that goes on knows which step it is after", "[saved state]") {
  Stateful stateful;
  ls::Runtime runtime(stateful.flow, {}, small_state());
  CHECK(runtime.metrics().last_step.step == 4);
  CHECK(runtime.snapshot().step() == 4);
  CHECK(runtime[stateful.in].push({1, 1}).step == 5);
  CHECK(runtime.latest().number() == 4);
  CHECK(runtime.latest()[stateful.groups].empty());
}

TEST_CASE("sessions of a runtime that goes on keep their numbers and positions", "[saved state]") {
  Stateful stateful;
  ls::Runtime first(stateful.flow);
  const auto seventh = first.open_session(7);
  (*seventh)[stateful.in].push({1, 1});
  (*seventh)[stateful.in].push({1, 2});
  first.step();
  ls::Runtime second(stateful.flow, {}, first.save());
  const auto again = second.open_session(7);
  CHECK_THROWS_AS(second.open_session(7), ls::UsageError);
  (*again)[stateful.in].push({1, 3}, ls::kMaxPushedWeight + 1);
  const auto step = second.step();
  REQUIRE(step[ledger(stateful.in)].size() == 1);
  CHECK(step[ledger(stateful.in)].begin()->row.position == 2);
}

TEST_CASE("damage to any byte of saved state is found", "[saved state]") {
  Stateful stateful;
  const std::string good = small_state().bytes();
  CHECK_NOTHROW(ls::Runtime(stateful.flow, {}, ls::SavedState(good)));
  const auto is_refused = [&](std::string bytes) {
    try {
      ls::Runtime(stateful.flow, {}, ls::SavedState(std::move(bytes)));
      return false;
    } catch (const ls::SavedStateError&) {
      return true;
    }
  };
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const int flip : {1, 0x80}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ flip);
      if (!is_refused(bad)) FAIL("byte " << i << " of " << good.size());
    }
  }
  CHECK(is_refused(good.substr(0, good.size() - 1)));
  CHECK(is_refused(good + "x"));
  CHECK(is_refused(""));
}

TEST_CASE("saved state of another dataflow is refused, and it is said why", "[saved state]") {
  const auto state = small_state();
  {
    ls::Dataflow flow;
    (void)flow.input<Pair>("in");
    CHECK_THROWS_AS(ls::Runtime(flow, {}, state), ls::SavedStateError);
  }
  const auto saved = [](auto build) {
    ls::Dataflow flow;
    auto in = flow.input<Number>("in");
    build(in);
    return ls::Runtime(flow).save();
  };
  const auto load = [](const ls::SavedState& other, auto build) {
    ls::Dataflow flow;
    auto in = flow.input<Number>("in");
    build(in);
    ls::Runtime(flow, {}, other);
  };
  const auto nothing = [](auto&) {};
  const auto distinct = [](auto& in) { (void)(in | ls::distinct().named("one")); };
  const auto renamed = [](auto& in) { (void)(in | ls::distinct().named("two")); };
  const auto of_pairs = [](auto& in) {
    (void)(in | ls::map([](Number n) { return Pair(n, n); }) | ls::distinct().named("one"));
  };
  CHECK_NOTHROW(load(saved(distinct), distinct));
  CHECK_THROWS_WITH(load(saved(distinct), nothing), Contains("'one'"));
  CHECK_THROWS_WITH(load(saved(nothing), distinct), Contains("'one'"));
  CHECK_THROWS_WITH(load(saved(distinct), renamed), Contains("'one'"));
  CHECK_THROWS_WITH(load(saved(distinct), of_pairs), Contains("int64") && Contains("'one'"));
}

TEST_CASE("state that was made in another way is refused, though name and rows are the same", "[saved state]") {
  struct Way {
    const char* name;
    bool append_only;
    std::function<void(ls::Input<Pair>&)> build;
  };
  const Way ways[] = {
      {"distinct of rows", false, [](auto& in) { (void)(in | ls::distinct().named("one")); }},
      {"distinct by key", false,
       [](auto& in) { (void)(in | ls::key_by(&Pair::first, &Pair::second) | ls::distinct().named("one")); }},
      {"min of second", false,
       [](auto& in) { (void)(in | ls::group_by(&Pair::first, ls::min(&Pair::second)).named("one")); }},
      {"max of second", false,
       [](auto& in) { (void)(in | ls::group_by(&Pair::first, ls::max(&Pair::second)).named("one")); }},
      {"min of first", false,
       [](auto& in) { (void)(in | ls::group_by(&Pair::first, ls::min(&Pair::first)).named("one")); }},
      {"min by second", false,
       [](auto& in) { (void)(in | ls::group_by(&Pair::second, ls::min(&Pair::second)).named("one")); }},
      {"min of rows that are never deleted", true,
       [](auto& in) { (void)(in | ls::group_by(&Pair::first, ls::min(&Pair::second)).named("one")); }},
      {"sum", false, [](auto& in) { (void)(in | ls::group_by(&Pair::first, ls::sum(&Pair::second)).named("one")); }},
      {"sum of an append-only input", true,
       [](auto& in) { (void)(in | ls::group_by(&Pair::first, ls::sum(&Pair::second)).named("one")); }},
  };
  for (const Way& saved : ways) {
    ls::Dataflow flow;
    auto in = flow.input<Pair>("in", {.append_only = saved.append_only});
    saved.build(in);
    ls::Runtime runtime(flow);
    runtime[in].push({1, 2});
    runtime.step();
    const auto state = runtime.save();
    for (const Way& loaded : ways) {
      INFO(saved.name << " loaded as " << loaded.name);
      ls::Dataflow other;
      auto other_in = other.input<Pair>("in", {.append_only = loaded.append_only});
      loaded.build(other_in);
      const auto load = [&] { ls::Runtime(other, {}, state); };
      const auto is_sum = [](const Way& way) { return std::string_view(way.name).starts_with("sum"); };
      if (saved.name == loaded.name || (is_sum(saved) && is_sum(loaded))) {
        CHECK_NOTHROW(load());
      } else {
        CHECK_THROWS_WITH(load(), Contains("'one' was saved as") && Contains("and now is"));
      }
    }
  }
}

TEST_CASE("inputs of saved state go by their names, whatever their order", "[saved state]") {
  const auto position = [](const std::vector<std::string>& names, const std::optional<ls::SavedState>& saved,
                           std::optional<ls::SavedState>& to_save) {
    ls::Dataflow flow;
    std::map<std::string, ls::Input<Number>> inputs;
    for (const auto& name : names) inputs.emplace(name, flow.input<Number>(name));
    std::optional<ls::Runtime> runtime;
    saved ? runtime.emplace(flow, ls::RuntimeOptions{}, *saved) : runtime.emplace(flow);
    const auto& a = inputs.at("a");
    (*runtime)[a].push(1, ls::kMaxPushedWeight + 1);
    const auto step = runtime->step();
    to_save = runtime->save();
    return step[ledger(a)].begin()->row.position;
  };
  std::optional<ls::SavedState> saved;
  CHECK(position({"a", "b"}, std::nullopt, saved) == 0);
  CHECK(position({"b", "a"}, saved, saved) == 1);
  CHECK_THROWS_WITH(position({"a", "c"}, saved, saved), Contains("'b'"));
  CHECK_THROWS_WITH(position({"a"}, saved, saved), Contains("'b'"));
  CHECK(position({"a", "b", "c"}, saved, saved) == 2);  // one that is new begins at 0
}

TEST_CASE("two operators with state and one name are found when the flow is built", "[saved state]") {
  ls::Dataflow flow;
  auto in = flow.input<Number>("in");
  (void)(in | ls::distinct().named("one"));
  CHECK_THROWS_WITH(in | ls::distinct().named("one"), Contains("'one'") && Contains(".named()"));
  (void)(in | ls::distinct());
  CHECK_THROWS_WITH(in | ls::distinct(), Contains("'distinct(in)'"));
}

TEST_CASE("an operator that keeps state and does not say what it is cannot be added", "[saved state]") {
  ls::Dataflow flow;
  auto in = flow.input<Number>("in");
  const auto add = [&](std::string state) {
    ls::Part part("keeper", "the keeper");
    part.state = std::move(state);
    return ls::add_part<ls::Stream<Number>>(
        flow.description(), std::move(part), [](const ls::Site&) { return Keeper(); }, ls::reads::by_owner(in));
  };
  CHECK_THROWS_WITH(add(""), Contains("the keeper") && Contains("state"));
  CHECK_NOTHROW(add("nothing"));
}

TEST_CASE("saved state is written to a file whole, and read back", "[saved state]") {
  const auto folder = std::filesystem::temp_directory_path() / ("lockstep-saved-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const auto state = small_state();
  state.write(folder / "state");
  CHECK(ls::SavedState::read(folder / "state").bytes() == state.bytes());
  CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 1);
  CHECK_THROWS_AS(ls::SavedState::read(folder / "none"), std::system_error);
  CHECK_THROWS_AS(state.write(folder / "no" / "state"), std::system_error);
  std::filesystem::create_directory(folder / "folder");
  CHECK_THROWS_AS(state.write(folder / "folder"), std::system_error);
  std::filesystem::remove(folder / "folder");
  CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 1);
  std::filesystem::remove_all(folder);
}

TEST_CASE("saved state goes on with a program that has changed, if the changes are named", "[saved state]") {
  const auto build = [](ls::Dataflow& flow, const char* name, const char* version) {
    const auto key = [](const Pair& row) { return row.first; };
    const auto table = flow.table<Pair>("table", key, {.version = version});
    (void)(table | ls::map(ls::value) | ls::group_by(&Pair::second, ls::count()).named(name) |
           ls::output("counts", ls::accumulated));
    return table;
  };
  ls::Dataflow before;
  const auto table = build(before, "counts", "1");
  ls::Runtime runtime(before);
  runtime[table].upsert({1, 2});
  runtime.step();
  const ls::SavedState saved = runtime.save();
  ls::Dataflow after;
  (void)build(after, "totals", "1");
  CHECK_THROWS_WITH(ls::Runtime(after, {}, saved), Contains("'counts'"));
  CHECK(ls::Runtime(after, {}, saved, {.renamed = {{"counts", "totals"}}}).latest().number() == 1);
  CHECK(ls::Runtime(after, {}, saved, {.removed = {"counts"}, .begin_empty = {"totals"}, .rebuilt = {"counts"}})
            .latest()
            .number() == 1);
  ls::Dataflow other_key;
  (void)build(other_key, "counts", "2");
  CHECK_THROWS_WITH(ls::Runtime(other_key, {}, saved), Contains("version 1 of table, and now version 2"));
}
