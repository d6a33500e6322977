#include "tools/bank/flow.hpp"

#include <array>
#include <stdexcept>

#include "lockstep.hpp"

namespace lockstep::bank {

namespace {

// Lambdas rather than functions: a pointer to a function would not be inlined into the loop over rows.

constexpr auto difference = [](std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_sub_overflow(a, b, &result)) throw std::overflow_error("the difference does not fit 64 bits");
  return result;
};

constexpr auto both_sides = [](const Transfer& transfer) -> std::array<AccountRow, 2> {
  return {{{transfer.to_account, transfer.amount}, {transfer.from_account, difference(0, transfer.amount)}}};
};

}  // namespace

Flow::Flow(std::optional<std::int64_t> lateness_ms)
    : transfers(lateness_ms ? dataflow.input<Transfer>("transfers", {.append_only = true},
                                                       event_time(&Transfer::ts, *lateness_ms))
                            : dataflow.input<Transfer>("transfers", {.append_only = true})),
      views(describe(transfers)) {}

Flow::Views Flow::describe(const Input<Transfer>& transfers) {
  auto credits = transfers | group_by(&Transfer::to_account, sum(&Transfer::amount)).named("credits");
  auto debits = transfers | group_by(&Transfer::from_account, sum(&Transfer::amount)).named("debits");
  auto balance = credits | join(debits, difference).named("balance");
  auto balance_all =
      transfers | flat_map(both_sides) | group_by(&AccountRow::first, sum(&AccountRow::second)).named("balance_all");
  auto total = balance | aggregate(sum(value)).named("total");
  auto total_all = balance_all | aggregate(sum(value)).named("total_all");
  return {transfers | output("accepted_transactions"),
          credits | output("credits"),
          debits | output("debits"),
          balance | output("balance"),
          balance_all | output("balance_all"),
          total | output("total"),
          total_all | output("total_all")};
}

}  // namespace lockstep::bank
