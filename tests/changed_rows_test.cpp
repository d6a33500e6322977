#include <catch2/catch.hpp>
#include <lockstep_checkpoint.hpp>

#include "tests/delta_text.hpp"
#include "tests/numbers.hpp"

// What becomes of rows that are kept when their type changes: each line of the table in docs/state.md. A program is
// written once, as a template of the type.

namespace ls = lockstep;
using Catch::Matchers::Contains;

namespace {

namespace then {
struct Order {
  std::int64_t id;
  std::int32_t amount;
  std::string note;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id, amount, note))
}  // namespace then

/// A field has come, one is wider.
namespace more {
struct Order {
  std::int64_t id;
  std::int64_t amount;
  std::string note;
  std::string currency = "EUR";
};
BOOST_DESCRIBE_STRUCT(Order, (), (id, amount, note, currency))
}  // namespace more

/// A field has gone.
namespace less {
struct Order {
  std::int64_t id;
  std::int32_t amount;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id, amount))
}  // namespace less

template <class Order>
Order order(std::int64_t id, std::int32_t amount) {
  Order result;
  result.id = id;
  result.amount = amount;
  if constexpr (requires { result.note; }) result.note = "n";
  return result;
}

/// The least amount has become wider by itself, too.
const ls::ProgramChanges kOrderChanged{.changed_rows = {"Order", "int32"}};

/// Opens a program of such orders on the directory.
template <class Program>
std::unique_ptr<ls::Runtime> open(const Folder& folder, Program& program, const ls::ProgramChanges& changes = {},
                                  unsigned workers = 2) {
  return std::make_unique<ls::Runtime>(program.flow, ls::RuntimeOptions{.workers = workers},
                                       ls::checkpoints(folder.state(), {.begin_if_empty = true, .changes = changes}));
}

/// A table, an index of a join, and groups.
template <class Order>
struct Shop {
  ls::Dataflow flow;
  ls::Input<Order> in = flow.input<Order>("orders");
  decltype(flow.table<Order>("", &Order::id)) table = flow.table<Order>("table", &Order::id);
  ls::Output<std::pair<std::int64_t, Order>> shown = table | ls::output("shown", ls::accumulated);
  decltype(table | ls::join(in | ls::key_by(&Order::id), [](const Order&, const Order& b) { return b; }) |
           ls::output("")) joined =
      table | ls::join(in | ls::key_by(&Order::id), [](const Order&, const Order& b) { return b; }) |
      ls::output("joined");
  decltype(in | ls::group_by(&Order::id, ls::count(), ls::min(&Order::amount)) | ls::output("")) least =
      in | ls::group_by(&Order::id, ls::count(), ls::min(&Order::amount)) | ls::output("least");

  void run(ls::Runtime& runtime) {
    for (std::int64_t id = 0; id < 3; ++id) {
      runtime[table].upsert(order<Order>(id, 1));
      runtime[in].push(order<Order>(id, 10));
      runtime[in].push(order<Order>(id, 20));
    }
    runtime.step();
    runtime.checkpoint().get();
  }
};

}  // namespace

TEST_CASE("tables, indexes and groups read the rows that they keep as they are now, if told so", "[checkpoint]") {
  const Folder folder;
  {
    Shop<then::Order> shop;
    shop.run(*open(folder, shop));
  }
  Shop<more::Order> shop;
  CHECK_THROWS_AS(open(folder, shop), ls::ForeignCheckpoint);
  CHECK_THROWS_WITH(open(folder, shop), Contains("type Order") && Contains("'table(table)'") &&
                                            Contains("output 'joined'") && Contains("changed_rows"));
  for (int round = 0; round < 3; ++round) {
    const auto runtime = open(folder, shop, round == 2 ? ls::ProgramChanges() : kOrderChanged, 3);
    if (round == 0) {
      CHECK(text(runtime->snapshot()[shop.shown]) == R"((0, {id: 0, amount: 1, note: "n", currency: "EUR"}) +1, )"
                                                     R"((1, {id: 1, amount: 1, note: "n", currency: "EUR"}) +1, )"
                                                     R"((2, {id: 2, amount: 1, note: "n", currency: "EUR"}) +1)");
      (*runtime)[shop.in].push(order<more::Order>(1, 20), -1);
      (*runtime)[shop.in].push(order<more::Order>(1, 5));
      const ls::Step step = runtime->step();
      CHECK(text(step[shop.joined]) == R"((1, {id: 1, amount: 5, note: "n", currency: "EUR"}) +1, )"
                                       R"((1, {id: 1, amount: 20, note: "n", currency: "EUR"}) -1)");
      CHECK(text(step[shop.least]) == "(1, (2, 5)) +1, (1, (2, 10)) -1");
    } else if (round == 1) {  // from what was written of the new type
      (*runtime)[shop.table].erase(2);
      CHECK(text(runtime->step()[shop.joined]) == R"((2, {id: 2, amount: 10, note: "n", currency: "EUR"}) -1, )"
                                                  R"((2, {id: 2, amount: 20, note: "n", currency: "EUR"}) -1)");
    } else {
      CHECK(runtime->snapshot()[shop.shown].size() == 2);
      (*runtime)[shop.in].push(order<more::Order>(1, 5), -1);
      CHECK(text(runtime->step()[shop.least]) == "(1, (1, 10)) +1, (1, (2, 5)) -1");
    }
    runtime->checkpoint().get();
  }
}

TEST_CASE("a field that has gone is dropped where rows are not told apart by it", "[checkpoint]") {
  const Folder folder;
  {
    Shop<then::Order> shop;
    shop.run(*open(folder, shop));
  }
  Shop<less::Order> shop;
  const auto runtime = open(folder, shop, kOrderChanged);
  (*runtime)[shop.table].erase(2);
  CHECK(text(runtime->step()[shop.joined]) == "(2, {id: 2, amount: 10}) -1, (2, {id: 2, amount: 20}) -1");
  CHECK(runtime->snapshot()[shop.shown].size() == 2);
}

TEST_CASE("where all of a row tells it apart, its type may not change", "[checkpoint]") {
  const auto distinct = []<class Order>(ls::Dataflow& flow, Order) {
    const auto in = flow.input<Order>("orders");
    (void)(in | ls::distinct() | ls::output("out"));
    return in;
  };
  const auto largest = []<class Order>(ls::Dataflow& flow, Order) {
    const auto in = flow.input<Order>("orders");
    (void)(in | ls::group_by(&Order::id, ls::arg_max(&Order::amount)) | ls::output("out"));
    return in;
  };
  const auto check = [](const auto& build, auto is, const char* why) {
    const Folder folder;
    const auto run = [&](auto one) {
      ls::Dataflow flow;
      const auto in = build(flow, one);
      ls::Runtime runtime(flow, {},
                          ls::checkpoints(folder.state(), {.begin_if_empty = true, .changes = kOrderChanged}));
      runtime[in].push(order<decltype(one)>(1, 1));
      runtime.step();
      runtime.checkpoint().get();
    };
    run(then::Order{});
    CHECK_THROWS_WITH(run(is), Contains(why));
  };
  check(distinct, more::Order{}, "its key has changed");
  check(distinct, less::Order{}, "its key has changed");
  check(largest, less::Order{}, "Order has lost a field");
}

namespace {

/// What the program says of orders of which two come in each run.
template <class Build>
std::string go_on(const Folder& folder, const Build& build, const ls::ProgramChanges& changes = {}) {
  ls::Dataflow flow;
  const auto in = flow.input<then::Order>("orders");
  const auto table = flow.table<then::Order>("table", &then::Order::id);
  const auto out = build(in, table);
  ls::Runtime runtime(flow, {}, ls::checkpoints(folder.state(), {.begin_if_empty = true, .changes = changes}));
  const auto n = static_cast<std::int32_t>(runtime.latest().number());
  for (const std::int64_t id : {1, 2}) {
    runtime[in].push(order<then::Order>(id, 10 + n));
    runtime[table].upsert(order<then::Order>(10 * n + id, 1));
  }
  const std::string shown = text(runtime.step()[out]);
  runtime.checkpoint().get();
  return shown;
}

const auto kAmount = &then::Order::amount;
const auto kGroup = [](const auto& of, const auto&... aggregate) {
  return of | ls::group_by([](const then::Order& one) { return one.id % 10; }, aggregate...).named("group") |
         ls::output("out");
};

}  // namespace

TEST_CASE("aggregates may go, change places, and come where what is kept suffices, and their outputs come again",
          "[checkpoint]") {
  const Folder folder;
  const auto three = [](const auto& in, const auto&) {
    return kGroup(in, ls::sum(kAmount), ls::max(kAmount), ls::min(kAmount));
  };
  const auto other = [](const auto& in, const auto&) {
    return kGroup(in, ls::max(kAmount), ls::count(), ls::sum(kAmount));
  };
  CHECK(go_on(folder, three) == "(1, (10, 10, 10)) +1, (2, (10, 10, 10)) +1");
  CHECK_THROWS_WITH(go_on(folder, other), Contains("'out' gave") && Contains("rebuilt"));
  CHECK(go_on(folder, other, {.rebuilt = {"out"}}) == "(1, (11, 2, 21)) +1, (2, (11, 2, 21)) +1");
  // It may stay named.
  CHECK(go_on(folder, other, {.rebuilt = {"out"}}) ==
        "(1, (11, 2, 21)) -1, (1, (12, 3, 33)) +1, (2, (11, 2, 21)) -1, (2, (12, 3, 33)) +1");
}

TEST_CASE("what one aggregate kept for another is not taken for all that it needs", "[checkpoint]") {
  const Folder folder;
  const auto both = [](const auto& in, const auto&) { return kGroup(in, ls::max(kAmount), ls::min(kAmount)); };
  const auto turned = [](const auto& in, const auto&) { return kGroup(in, ls::min(kAmount), ls::max(kAmount)); };
  const auto one = [](const auto& in, const auto&) { return kGroup(in, ls::min(kAmount)); };
  (void)go_on(folder, both);
  CHECK_THROWS_WITH(go_on(folder, turned, {.rebuilt = {"out"}}), Contains("'group' was saved as"));
  CHECK_THROWS_WITH(go_on(folder, one, {.rebuilt = {"out"}}), Contains("'group' was saved as"));
}

TEST_CASE("an aggregate that needs what was not kept is refused, or made again from an index", "[checkpoint]") {
  const auto one = [](const auto& of) { return kGroup(of, ls::count()); };
  const auto two = [](const auto& of) { return kGroup(of, ls::count(), ls::sum(kAmount)); };
  SECTION("nothing holds what came") {
    const Folder folder;
    const auto was = [&](const auto& in, const auto&) { return one(in); };
    const auto is = [&](const auto& in, const auto&) { return two(in); };
    (void)go_on(folder, was);
    CHECK_THROWS_WITH(go_on(folder, is), Contains("sum(amount) was not kept"));
    CHECK_THROWS_WITH(go_on(folder, is, {.rebuilt = {"group", "out"}}),
                      Contains("operator 'group'") && Contains("'orders'") && Contains("read again"));
  }
  SECTION("a table does") {
    const Folder folder;
    const auto was = [&](const auto&, const auto& table) { return one(table); };
    const auto is = [&](const auto&, const auto& table) { return two(table); };
    CHECK(go_on(folder, was) == "(1, 1) +1, (2, 1) +1");
    CHECK_THROWS_WITH(go_on(folder, is), Contains("sum(amount) was not kept"));
    CHECK_THROWS_WITH(go_on(folder, is, {.rebuilt = {"group"}}), Contains("'out'") && Contains("rebuilt"));
    CHECK(go_on(folder, is, {.rebuilt = {"group", "out"}}) == "(1, (2, 2)) +1, (2, (2, 2)) +1");
    CHECK(go_on(folder, is, {.rebuilt = {"group", "out"}}) ==
          "(1, (2, 2)) -1, (1, (3, 3)) +1, (2, (2, 2)) -1, (2, (3, 3)) +1");
    CHECK(go_on(folder, is) == "(1, (3, 3)) -1, (1, (4, 4)) +1, (2, (3, 3)) -1, (2, (4, 4)) +1");
  }
}

TEST_CASE("functions that have changed are no harm to what is made again", "[checkpoint]") {
  const Folder folder;
  const auto by = [](std::int64_t base, const char* version) {
    return [=](const auto&, const auto& table) {
      return table |
             ls::group_by([base](const then::Order& one) { return one.id % base; }, ls::count())
                 .named("group")
                 .version(version) |
             ls::output("out");
    };
  };
  CHECK(go_on(folder, by(10, "1")) == "(1, 1) +1, (2, 1) +1");
  CHECK_THROWS_WITH(go_on(folder, by(2, "2")), Contains("version 1 of group"));
  CHECK(go_on(folder, by(2, "2"), {.rebuilt = {"group", "out"}}) == "(0, 2) +1, (1, 2) +1");
  // What was there before is not there any more, in no record.
  CHECK(go_on(folder, by(2, "2")) == "(0, 2) -1, (0, 3) +1, (1, 2) -1, (1, 3) +1");
  CHECK(go_on(folder, by(2, "2")) == "(0, 3) -1, (0, 4) +1, (1, 3) -1, (1, 4) +1");
}

TEST_CASE("a version of a function counts for all state that is made of its results", "[checkpoint]") {
  const Folder folder;
  const auto version = [](const char* text) {
    return [text](const auto& in, const auto& table) {
      const auto joined = table | ls::join(in | ls::key_by(&then::Order::id),
                                           [](const then::Order&, const then::Order& b) { return b.amount; })
                                      .named("join")
                                      .version(text);
      const auto mapped = joined | ls::map([](std::int64_t, std::int32_t amount) { return amount % 2; });
      (void)(mapped | ls::output("mapped"));
      return mapped | ls::group_by(ls::value, ls::count()).named("counts") | ls::output("counts");
    };
  };
  (void)go_on(folder, version("1"));
  CHECK_THROWS_WITH(go_on(folder, version("2")), Contains("operator 'counts' was saved with version 1 of join") &&
                                                     Contains("output 'mapped' was saved with version 1 of join"));
  CHECK_NOTHROW(go_on(folder, version("2"), {.changed_functions = {"counts", "mapped"}}));
}

TEST_CASE("what is named as removed and is there still goes on", "[checkpoint]") {
  const Folder folder;
  const auto counts = [](const auto& in, const auto&) { return kGroup(in, ls::count()); };
  (void)go_on(folder, counts);
  CHECK(go_on(folder, counts, {.removed = {"group"}}) == "(1, 1) -1, (1, 2) +1, (2, 1) -1, (2, 2) +1");
}
