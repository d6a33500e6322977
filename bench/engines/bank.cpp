#include <array>

#include "bench/engines/engine_side.hpp"
#include "bench/engines/engines.hpp"

namespace lockstep::bench {

namespace {

constexpr auto kBothSides = [](const Transfer& transfer) -> std::array<AccountRow, 2> {
  return {{{transfer.to_account, transfer.amount}, {transfer.from_account, -transfer.amount}}};
};

template <class Push, class... R>
std::unique_ptr<Side> make_bank(const Dataflow& flow, const RuntimeOptions& options, bool timed_push, Push push,
                                Output<R>... output) {
  return std::make_unique<EngineSide<Push, R...>>(flow, options, timed_push, std::move(push), std::move(output)...);
}

}  // namespace

std::unique_ptr<Side> bank_engine(Shared<Transfer> history, bool timed_push, const RuntimeOptions& options) {
  Dataflow flow;
  auto transfers = flow.input<Transfer>("transfers");
  auto credits = transfers | group_by(&Transfer::to_account, sum(&Transfer::amount));
  auto debits = transfers | group_by(&Transfer::from_account, sum(&Transfer::amount));
  auto balance = credits | join(debits, [](std::int64_t credit, std::int64_t debit) { return credit - debit; });
  auto balance_all = transfers | flat_map(kBothSides) | group_by(&AccountRow::first, sum(&AccountRow::second));
  auto total = balance | aggregate(sum(value));
  auto total_all = balance_all | aggregate(sum(value));
  return make_bank(flow, options, timed_push, push_history(transfers, std::move(history)),
                   transfers | output("accepted_transactions"), credits | output("credits"), debits | output("debits"),
                   balance | output("balance"), balance_all | output("balance_all"), total | output("total"),
                   total_all | output("total_all"));
}

}  // namespace lockstep::bench
