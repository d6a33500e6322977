#include <array>
#include <catch2/catch.hpp>
#include <lockstep.hpp>
#include <vector>

#include "tests/allocation_count.hpp"

namespace ls = lockstep;
using Number = std::int64_t;

namespace {

struct Trade {
  Number id;
  Number account;
  Number amount;
  double price;
};
BOOST_DESCRIBE_STRUCT(Trade, (), (id, account, amount, price))
using Account = std::pair<Number, Number>;

/// Every operator, on rows without heap members.
struct Everything {
  explicit Everything(const ls::RuntimeOptions& options) : runtime(build(), options) {}

  const ls::Dataflow& build() {
    auto keyed = trades | ls::map([](const Trade& t) { return t; }) |
                 ls::filter([](const Trade& t) { return t.amount >= 0; }) | ls::key_by(&Trade::account);
    auto joined = keyed | ls::join(accounts, [](const Trade& t, const Account& a) { return t.amount + a.second; });
    auto linear = trades | ls::group_by(&Trade::account, ls::count(), ls::sum(&Trade::amount), ls::avg(&Trade::price));
    auto ordered = trades | ls::group_by(&Trade::account, ls::min(&Trade::amount), ls::max(&Trade::price));
    auto total = linear | ls::aggregate(ls::sum([](const auto& group) { return std::get<1>(group); }));
    auto amounts = trades | ls::flat_map([](const Trade& t) {
                     return std::array<Number, 2>{t.amount, -t.amount};
                   }) |
                   ls::distinct();
    auto outer = keyed | ls::full_join(accounts, [](const std::optional<Trade>& t, const std::optional<Account>& a) {
                   return (t ? t->amount : 0) + (a ? a->second : 0);
                 });
    auto alone =
        keyed |
        ls::anti_join(accounts, ls::matching([](const Trade& t, const Account& a) { return t.amount > a.second; }));
    auto kinds = trades | ls::group_by(&Trade::account, ls::count_distinct(&Trade::amount), ls::arg_max(&Trade::price));
    (void)(outer | ls::output("outer"));
    (void)(alone | ls::output("alone"));
    (void)(kinds | ls::output("kinds"));
    (void)(joined | ls::output("joined", ls::accumulated));
    (void)(linear | ls::output("linear"));
    (void)(ordered | ls::output("ordered"));
    (void)(total | ls::output("total"));
    (void)(amounts | ls::except(amounts | ls::filter([](Number n) { return n > 5; })) | ls::output("set"));
    (void)(amounts | ls::negate() | ls::plus(amounts) | ls::gather() | ls::output("amounts"));
    return flow;
  }

  static Trade trade(Number number) {
    const Number id = number % 2000;
    return {id, id % 371, id % 91, static_cast<double>(id) / 8};
  }

  /// One step: a hundred trades come, and those of ten steps ago go. The same changes come round again.
  void step(Number number) {
    auto port = runtime[trades];
    for (Number i = 100 * number; i < 100 * (number + 1); ++i) {
      port.push(trade(i));
      if (number >= 10) port.push(trade(i - 1000), -1);
    }
    runtime[accounts].upsert({number % 40, number % 3});
    runtime[accounts].erase((number + 20) % 40);
    runtime[accounts].insert({(number + 20) % 40, 3});
    runtime.step();
  }

  ls::Dataflow flow;
  ls::Input<Trade> trades = flow.input<Trade>("trades");
  decltype(flow.table<Account>("accounts", &Account::first)) accounts =
      flow.table<Account>("accounts", &Account::first);
  ls::Runtime runtime;
};

}  // namespace

TEST_CASE("a warm step of rows without heap members allocates nothing", "[allocation]") {
  const auto options =
      GENERATE(ls::RuntimeOptions{}, ls::RuntimeOptions{.workers = 3, .threads = 1},
               ls::RuntimeOptions{.workers = 3, .threads = 2},
               ls::RuntimeOptions{.workers = 3, .threads = 2, .small_step_rows = 0},
               ls::RuntimeOptions{.workers = 3, .schedule_seed = 9},
               // Segments of the usual size are not allocated by operator new, and would not be counted.
               ls::RuntimeOptions{.limits = {.segment_bytes = 8 << 10}});
  INFO(options.workers << " workers on " << options.threads << " threads");
  Everything everything(options);
  Number number = 0;
  while (number < 600) everything.step(number++);
  std::uint64_t allocations = 0;
  {
    const AllocationCount count;
    while (number < 800) everything.step(number++);
    allocations = count.value();
  }
  CHECK(allocations == 0);
}

TEST_CASE("a transaction makes room for the inputs that it touches, not for all", "[allocation]") {
  ls::Dataflow flow;
  std::vector<ls::Input<Number>> inputs;
  for (int i = 0; i < 300; ++i) inputs.push_back(flow.input<Number>("input " + std::to_string(i)));
  ls::Runtime runtime(flow);
  const auto transact = [&] {
    runtime.transaction([&](auto one) {
      one[inputs[7]].push(1);
      one[inputs[8]].push(2);
    });
  };
  transact();
  std::uint64_t allocations = 0;
  {
    const AllocationCount count;
    transact();
    allocations = count.value();
  }
  CHECK(allocations < 20);
}

TEST_CASE("the count of allocations counts", "[allocation]") {
  std::vector<int> some;
  std::uint64_t allocations = 0;
  {
    const AllocationCount count;
    some.resize(3);
    allocations = count.value();
  }
  CHECK(allocations == 1);
  CHECK(some.size() == 3);
}
