#include <fmt/ranges.h>
#include <lockstep.hpp>
namespace ls = lockstep;

struct Transfer {
  std::int64_t id, from_account, to_account, amount;
};
BOOST_DESCRIBE_STRUCT(Transfer, (), (id, from_account, to_account, amount))

int main() {
  ls::Dataflow flow;
  auto transfers = flow.input<Transfer>("transfers");

  auto credits = transfers | ls::group_by(&Transfer::to_account, ls::sum(&Transfer::amount));
  auto debits = transfers | ls::group_by(&Transfer::from_account, ls::sum(&Transfer::amount));
  auto balance = credits | ls::join(debits, [](auto credit, auto debit) { return credit - debit; });
  auto total = balance | ls::aggregate(ls::sum(ls::value));

  auto balances = balance | ls::output("balance");
  auto totals = total | ls::output("total");

  ls::Runtime runtime{flow, {.workers = 4}};
  runtime[transfers].push({1, /*from*/ 3, /*to*/ 7, /*amount*/ 10});  // any thread, staged
  runtime[transfers].push({2, /*from*/ 7, /*to*/ 3, /*amount*/ 4});

  auto step = runtime.step();  // one tick of the clock; one view of all outputs
  for (auto [row, weight] : step[balances]) fmt::print("{} {:+}\n", row, weight);
  for (auto [row, weight] : step[totals]) fmt::print("{} {:+}\n", row, weight);
}
