#include <catch2/catch.hpp>
#include <limits>
#include <lockstep.hpp>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "tests/delta_text.hpp"

// What tables and outputs hold, looked up as of one step.

namespace ls = lockstep;
using Number = std::int64_t;
using Account = std::pair<Number, std::string>;
using Transfer = std::pair<Number, Number>;
using Catch::Matchers::Contains;

namespace {

struct Bank {
  ls::Dataflow flow;
  decltype(flow.table<Account>("", &Account::first)) owners = flow.table<Account>("owners", &Account::first);
  ls::Input<Transfer> transfers = flow.input<Transfer>("transfers");
  ls::KeyedOutput<Number, std::tuple<Number, Number>> balances =
      transfers | ls::group_by(&Transfer::first, ls::count(), ls::max(&Transfer::second)) |
      ls::output("balances", ls::accumulated);
  ls::KeyedOutput<Number, Number> amounts =
      transfers | ls::key_by(&Transfer::first, &Transfer::second) | ls::output("amounts", ls::accumulated);
  ls::Output<Number> distinct =
      transfers | ls::map(&Transfer::second) | ls::distinct() | ls::output("distinct", ls::accumulated);
};

}  // namespace

TEST_CASE("a snapshot finds the row of a key, in a table, a group or an index, all as of one step", "[snapshot]") {
  Bank bank;
  ls::Runtime runtime(bank.flow, {.workers = GENERATE(1U, 3U)});
  runtime[bank.owners].upsert({1, "Ada"});
  runtime[bank.owners].upsert({2, "Bob"});
  for (const auto& row : {Transfer{1, 10}, Transfer{1, 20}, Transfer{2, 5}}) runtime[bank.transfers].push(row);
  runtime.step();
  const auto before = runtime.snapshot();
  runtime[bank.owners].erase(2);
  runtime[bank.transfers].push({1, 20}, -1);
  runtime[bank.transfers].push({2, 5}, -1);
  runtime.step();
  const auto after = runtime.snapshot();

  CHECK(before.step() == 1);
  CHECK(before[bank.owners].find(2) == Account{2, "Bob"});
  CHECK(before[bank.balances].find(1) == std::tuple(Number{2}, Number{20}));
  CHECK(before[bank.balances].contains(2));
  CHECK(before[bank.amounts].find(2) == 5);
  CHECK(before[bank.distinct].contains(20));
  CHECK(before[bank.balances].size() == 2);

  CHECK(after.step() == 2);
  CHECK(after[bank.owners].find(1) == Account{1, "Ada"});
  CHECK_FALSE(after[bank.owners].find(2));
  CHECK(after[bank.balances].find(1) == std::tuple(Number{1}, Number{10}));
  CHECK_FALSE(after[bank.balances].contains(2));
  CHECK_FALSE(after[bank.amounts].find(2));
  CHECK_FALSE(after[bank.distinct].contains(20));
  CHECK(after[bank.balances].size() == 1);
  CHECK(after[bank.owners].size() == 1);
}

TEST_CASE("the values of a key that has several are listed, and find says so", "[snapshot]") {
  Bank bank;
  ls::Runtime runtime(bank.flow);
  for (const auto& row : {Transfer{1, 10}, Transfer{1, 20}, Transfer{1, 20}, Transfer{2, 7}, Transfer{2, 7}}) {
    runtime[bank.transfers].push(row);
  }
  runtime.step();
  const auto amounts = runtime.snapshot()[bank.amounts];
  auto values = amounts.values(1);
  ls::sort_rows(values);
  CHECK(text(values) == "10 +1, 20 +2");
  CHECK_THROWS_WITH(amounts.find(1), Contains("key 1") && Contains("values()"));
  CHECK_THROWS_AS(amounts.find(2), ls::UsageError);  // one value, twice
  runtime[bank.transfers].push({3, 1}, 2);
  runtime[bank.transfers].push({3, 2}, -1);
  runtime[bank.transfers].push({3, 3}, 1);
  runtime.step();
  CHECK_THROWS_AS(runtime.snapshot()[bank.amounts].find(3), ls::UsageError);
  CHECK(amounts.weight_of({2, 7}) == 2);
  CHECK(amounts.contains(2));
  CHECK(amounts.values(3).empty());
}

TEST_CASE("rows of a snapshot can be gone through, and it stays as it is, after failures and after the runtime",
          "[snapshot]") {
  ls::Dataflow flow;
  const auto in = flow.input<Number>("in");
  const auto counts = in | ls::map([](Number n) {
                        if (n == 13) throw std::runtime_error("thirteen");
                        return n;
                      }) |
                      ls::group_by(ls::value, ls::count()) | ls::output("counts", ls::accumulated);
  std::optional<ls::Snapshot> snapshot;
  {
    ls::Runtime runtime(flow);
    for (Number n : {1, 2, 2, 3}) runtime[in].push(n);
    runtime.step();
    snapshot.emplace(runtime.snapshot());
    runtime[in].push(13);
    CHECK_THROWS_AS(runtime.step(), ls::StepFailed);
    CHECK_THROWS_AS(runtime.snapshot(), ls::StepFailed);
    CHECK((*snapshot)[counts].find(2) == 2);
  }
  std::set<std::pair<Number, Number>> rows;
  for (const auto& [row, weight] : (*snapshot)[counts]) {
    CHECK(weight == 1);
    rows.insert(row);
  }
  CHECK(rows == std::set<std::pair<Number, Number>>{{1, 1}, {2, 2}, {3, 1}});
  CHECK(text((*snapshot)[counts].sorted()) == "(1, 1) +1, (2, 2) +1, (3, 1) +1");
}

TEST_CASE("a snapshot after a ticket shows what was pushed with it", "[snapshot]") {
  Bank bank;
  ls::Runtime runtime(bank.flow, {.workers = 2});
  runtime.start({.rows = 1});
  for (Number n = 1; n < 200; ++n) {
    const ls::Ticket ticket = runtime[bank.owners].upsert({7, std::to_string(n)});
    CHECK(runtime.snapshot(ticket)[bank.owners].find(7) == Account{7, std::to_string(n)});
  }
  runtime.stop();
}

TEST_CASE("what an operator holds by key is not held again for snapshots", "[snapshot]") {
  const auto bytes = [](bool accumulated) {
    ls::Dataflow flow;
    const auto in = flow.input<Number>("in");
    const auto counts = in | ls::group_by(ls::value, ls::count());
    if (accumulated) {
      (void)(counts | ls::output("counts", ls::accumulated));
    } else {
      (void)(counts | ls::output("counts"));
    }
    ls::Runtime runtime(flow);
    for (Number n = 0; n < 10'000; ++n) runtime[in].push(n);
    runtime.step();
    std::size_t sum = 0;
    for (const auto& op : runtime.metrics().operators) sum += op.state_bytes;
    return sum;
  };
  CHECK(bytes(true) == bytes(false));
}

TEST_CASE("snapshots that are held are not changed by steps, and other threads read them meanwhile", "[snapshot]") {
  Bank bank;
  ls::Runtime runtime(bank.flow, {.workers = 2});
  std::map<Number, Number> last;
  std::mt19937_64 random(1);
  std::vector<std::thread> readers;
  for (int round = 0; round < 6; ++round) {
    for (int step = 0; step < 20; ++step) {
      for (int i = 0; i < 50; ++i) {
        const auto key = static_cast<Number>(random() % 500);
        const auto value = static_cast<Number>(random() % 100);
        runtime[bank.owners].upsert({key, std::to_string(value)});
        runtime[bank.transfers].push({key, value});
        last[key] = value;
      }
      runtime.step();
    }
    readers.emplace_back([snapshot = runtime.snapshot(), expected = last, &bank] {
      const auto owners = snapshot[bank.owners];
      const auto balances = snapshot[bank.balances];
      std::size_t wrong = owners.size() != expected.size();
      for (const auto& [key, value] : expected) {
        wrong += owners.find(key) != Account{key, std::to_string(value)};
        wrong += !balances.contains(key);
      }
      wrong += owners.contains(500) || balances.contains(-1);
      if (wrong != 0) std::abort();
    });
  }
  for (std::thread& reader : readers) reader.join();
}

TEST_CASE("a ledger can be accumulated like any output", "[snapshot]") {
  Bank bank;
  const auto refused = ls::ledger(bank.owners, ls::accumulated);
  (void)ls::ledger(bank.owners, ls::accumulated);  // once is enough
  ls::Runtime runtime(bank.flow, {.workers = 2});
  for (int i = 0; i < 3; ++i) {
    runtime[bank.owners].insert({1, "Ada"});
    runtime.step();
  }
  const auto rows = runtime.snapshot()[refused].sorted();
  REQUIRE(rows.size() == 2);
  CHECK_THAT(rows[0].row.reason, Contains("key that is present"));
  CHECK(runtime.snapshot()[refused].contains(rows[1].row));
}

TEST_CASE("a look-up of a zero, or of what is no number, finds what is kept of it, whatever its bits", "[snapshot]") {
  using Real = std::pair<double, Number>;
  const double none = std::numeric_limits<double>::quiet_NaN();
  ls::Dataflow flow;
  const auto table = flow.table<Real>("table", &Real::first);
  const auto in = flow.input<double>("in");
  const auto all = in | ls::output("all", ls::accumulated);
  ls::Runtime runtime(flow, {.workers = 3});
  for (const double key : {-0.0, -none}) {
    runtime[table].upsert({key, 1});
    runtime[in].push(key);
  }
  runtime.step();
  const ls::Snapshot snapshot = runtime.snapshot();
  for (const double key : {-0.0, 0.0, none, -none}) {
    CHECK(snapshot[table].contains(key));
    CHECK(snapshot[table].find(key)->second == 1);
    CHECK(snapshot[table].weight_of({key, {key, 1}}) == 1);
    CHECK(snapshot[all].contains(key));
  }
}
