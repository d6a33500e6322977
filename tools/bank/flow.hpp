#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "operators/inputs/input.hpp"
#include "runtime/flow/dataflow.hpp"
#include "runtime/steps/output_name.hpp"
#include "tools/bank/transfer.hpp"

namespace lockstep::bank {

/// (account, money) of an account.
using AccountRow = std::pair<std::int64_t, std::int64_t>;

/// The dataflow of Brandon's bank, and its names.
struct Flow {
  /// With event time, if a lateness is given.
  explicit Flow(std::optional<std::int64_t> lateness_ms = {});

  Dataflow dataflow;
  Input<Transfer> transfers;

  struct Views {
    Output<Transfer> accepted_transactions;  // every admitted transfer
    Output<AccountRow> credits;              // what each account received
    Output<AccountRow> debits;               // what each account gave
    Output<AccountRow> balance;              // credit - debit of the accounts that have both
    Output<AccountRow> balance_all;          // the same of all accounts, a missing side being 0
    Output<std::int64_t> total;              // the sum of balance
    Output<std::int64_t> total_all;          // the sum of balance_all
  } views;

 private:
  static Views describe(const Input<Transfer>& transfers);
};

}  // namespace lockstep::bank
