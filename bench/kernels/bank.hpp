#pragma once

#include "bench/kernels/consolidate.hpp"
#include "bench/kernels/rows.hpp"
#include "bench/rows.hpp"

namespace lockstep::bench {

/// What a step of the bank changes in its seven views.
struct BankDeltas {
  Rows<Transfer> accepted_transactions;
  Rows<AccountRow> credits;
  Rows<AccountRow> debits;
  Rows<AccountRow> balance;
  Rows<AccountRow> balance_all;
  Rows<std::int64_t> total;
  Rows<std::int64_t> total_all;

  void begin(std::size_t rows) {
    credits.begin(2 * rows);
    debits.begin(2 * rows);
    balance.begin(4 * rows);
    balance_all.begin(4 * rows);
    total.begin(2);
    total_all.begin(2);
  }
};

/// The transfers as a multiset: a copy if the ids ascend, else merged by row hash.
class Acceptance {
 public:
  void run(std::span<const Weighted<Transfer>> rows, Rows<Transfer>& out) {
    out.begin(rows.size());
    if (rows.empty()) return;
    bool ascending = rows[0].weight != 0;
    std::int64_t before = rows[0].row.id;
    out.add(rows[0].row, rows[0].weight);
    for (std::size_t i = 1; i < rows.size() && ascending; ++i) {
      ascending = before < rows[i].row.id && rows[i].weight != 0;
      before = rows[i].row.id;
      out.add(rows[i].row, rows[i].weight);
    }
    if (ascending) return;
    out.begin(rows.size());
    merge_.begin(rows.size());
    for (const auto& [row, weight] : rows) merge_.add(row, row_traits<Transfer>::hash(row), weight, out);
    merge_.finish(out);
  }

 private:
  Merge<Transfer> merge_;
};

/// The sum of a group's weighted amounts, and of its weights: it is there while these are not 0.
struct Money {
  std::int64_t sum = 0;
  Weight rows = 0;

  bool present() const { return rows != 0; }
  void add(std::int64_t amount, Weight weight) {
    sum += amount * weight;
    rows += weight;
  }
  friend bool operator==(const Money&, const Money&) = default;
};

/// The one-row sum of a view of accounts, kept from the view's changes.
class RunningTotal {
 public:
  void change(std::int64_t amount, Weight weight) { now_.add(amount, weight); }

  void emit(Rows<std::int64_t>& out) {
    if (now_.present() == before_.present() && now_.sum == before_.sum) return;
    if (before_.present()) out.add(before_.sum, -1);
    if (now_.present()) out.add(now_.sum, 1);
    before_ = now_;
  }

 private:
  Money before_;
  Money now_;
};

/// Writes an account's old and new row, where they differ.
inline void emit_account(std::int64_t account, Money before, Money after, Rows<AccountRow>& out) {
  if (before.present() == after.present() && before.sum == after.sum) return;
  if (before.present()) out.add({account, before.sum}, -1);
  if (after.present()) out.add({account, after.sum}, 1);
}

/// The same, and keeps the total of the view.
inline void emit_account(std::int64_t account, Money before, Money after, Rows<AccountRow>& out, RunningTotal& total) {
  if (before.present() == after.present() && before.sum == after.sum) return;
  if (before.present()) {
    out.add({account, before.sum}, -1);
    total.change(before.sum, -1);
  }
  if (after.present()) {
    out.add({account, after.sum}, 1);
    total.change(after.sum, 1);
  }
}

/// credit - debit, there while both are.
inline Money balance_of(Money credit, Money debit) {
  return {credit.sum - debit.sum, static_cast<Weight>(credit.present() && debit.present())};
}

}  // namespace lockstep::bench
