#pragma once

#include "bench/kernels/ahead.hpp"
#include "bench/kernels/bank.hpp"
#include "bench/kernels/open_table.hpp"

namespace lockstep::bench {

/// The bank in one table: all that is known of an account lies in its entry.
template <Ahead kAhead>
class BankFused {
 public:
  explicit BankFused(std::size_t accounts) : table_(accounts) {}

  void run(std::span<const Weighted<Transfer>> rows, BankDeltas& out) {
    constexpr std::size_t kDistance = 16;
    out.begin(rows.size());
    accepted_.run(rows, out.accepted_transactions);
    if (touched_.size() < 2 * rows.size()) touched_.resize(2 * rows.size());
    std::size_t size = 0;
    if constexpr (kAhead == Ahead::none) {
      for (const auto& [row, weight] : rows) {
        touch(row.to_account, hash(row.to_account), size).credit.add(row.amount, weight);
        touch(row.from_account, hash(row.from_account), size).debit.add(row.amount, weight);
      }
    } else {
      hashes_.resize(2 * (rows.size() + kDistance));
      for (std::size_t i = 0; i < rows.size() + kDistance; ++i) {
        if (i < rows.size()) {
          table_.prefetch(hashes_[2 * i] = hash(rows[i].row.to_account));
          table_.prefetch(hashes_[2 * i + 1] = hash(rows[i].row.from_account));
        }
        if (i < kDistance) continue;
        const std::size_t now = i - kDistance;
        const auto& [row, weight] = rows[now];
        touch(row.to_account, hashes_[2 * now], size).credit.add(row.amount, weight);
        touch(row.from_account, hashes_[2 * now + 1], size).debit.add(row.amount, weight);
      }
    }
    emit(size, out);
  }

 private:
  struct Account {
    std::int64_t key = 0;
    std::uint64_t mark = 0;
    Money credit;
    Money debit;
  };
  struct Touched {
    Account* account;
    Money credit;
    Money debit;
  };

  static std::uint64_t hash(std::int64_t account) { return row_traits<std::int64_t>::hash(account); }

  Account& touch(std::int64_t account, std::uint64_t hash, std::size_t& size) {
    Account& entry = table_.at(account, hash);
    if (entry.mark < base_) {
      entry.key = account;
      entry.mark = base_ + size;
      touched_[size++] = {&entry, entry.credit, entry.debit};
    }
    return entry;
  }

  void emit(std::size_t size, BankDeltas& out) {
    constexpr std::size_t kDistance = 16;
    for (std::size_t i = 0; i < size; ++i) {
      if constexpr (kAhead == Ahead::prefetch) {
        if (i + kDistance < size) __builtin_prefetch(touched_[i + kDistance].account);
      }
      const auto& [account, credit, debit] = touched_[i];
      const Account& now = *account;
      emit_account(now.key, credit, now.credit, out.credits);
      emit_account(now.key, debit, now.debit, out.debits);
      emit_account(now.key, balance_of(credit, debit), balance_of(now.credit, now.debit), out.balance, total_);
      emit_account(now.key, all(credit, debit), all(now.credit, now.debit), out.balance_all, total_all_);
    }
    total_.emit(out.total);
    total_all_.emit(out.total_all);
    base_ += size;
  }

  static Money all(Money credit, Money debit) { return {credit.sum - debit.sum, credit.rows + debit.rows}; }

  OpenTable<Account> table_;
  std::uint64_t base_ = 1;
  std::vector<Touched> touched_;
  std::vector<std::uint64_t> hashes_;
  Acceptance accepted_;
  RunningTotal total_;
  RunningTotal total_all_;
};

}  // namespace lockstep::bench
