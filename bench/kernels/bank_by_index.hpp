#pragma once

#include "bench/kernels/ahead.hpp"
#include "bench/kernels/bank.hpp"
#include "bench/kernels/open_table.hpp"

namespace lockstep::bench {

/// One view of sums by account: its table, and which accounts a step has touched.
template <Ahead kAhead>
class AccountSums {
 public:
  struct Entry {
    std::int64_t key = 0;
    std::uint64_t mark = 0;
    Money money;
  };
  struct Touched {
    Entry* entry;
    std::uint64_t hash;
    Money before;
  };

  explicit AccountSums(std::size_t accounts) : table_(accounts) {}

  void begin(std::size_t rows) {
    base_ += size_;
    size_ = 0;
    if (touched_.size() < rows) touched_.resize(rows);
  }
  [[gnu::always_inline]] void prefetch(std::uint64_t hash) const {
    if constexpr (kAhead == Ahead::prefetch) table_.prefetch(hash);
  }
  void add(std::int64_t account, std::uint64_t hash, std::int64_t amount, Weight weight) {
    Entry& entry = table_.at(account, hash);
    if (entry.mark < base_) {
      entry.key = account;
      entry.mark = base_ + size_;
      touched_[size_++] = {&entry, hash, entry.money};
    }
    entry.money.add(amount, weight);
  }

  std::span<const Touched> touched() const { return {touched_.data(), size_}; }
  bool is_touched(const Entry& entry) const { return entry.mark >= base_; }
  Entry& at(std::int64_t account, std::uint64_t hash) { return table_.at(account, hash); }
  Money before(const Entry& entry) const {
    return is_touched(entry) ? touched_[entry.mark - base_].before : entry.money;
  }

 private:
  OpenTable<Entry> table_;
  std::uint64_t base_ = 1;
  std::size_t size_ = 0;
  std::vector<Touched> touched_;
};

/// The bank with a table per index: credits, debits, and all accounts.
template <Ahead kAhead>
class BankByIndex {
 public:
  explicit BankByIndex(std::size_t accounts) : credits_(accounts), debits_(accounts), all_(accounts) {}

  void run(std::span<const Weighted<Transfer>> rows, BankDeltas& out) {
    out.begin(rows.size());
    accepted_.run(rows, out.accepted_transactions);
    add(rows);
    emit(credits_, out.credits);
    emit(debits_, out.debits);
    emit_balance(out);
    for (const Touched& one : all_.touched()) {
      emit_account(one.entry->key, one.before, one.entry->money, out.balance_all, total_all_);
    }
    total_.emit(out.total);
    total_all_.emit(out.total_all);
  }

 private:
  static constexpr std::size_t kDistance = 16;
  using Sums = AccountSums<kAhead>;
  using Touched = typename Sums::Touched;

  static std::uint64_t hash(std::int64_t account) { return row_traits<std::int64_t>::hash(account); }

  void add(std::span<const Weighted<Transfer>> rows) {
    credits_.begin(rows.size());
    debits_.begin(rows.size());
    all_.begin(2 * rows.size());
    hashes_.resize(2 * (rows.size() + kDistance));
    for (std::size_t i = 0; i < rows.size() + kDistance; ++i) {
      if (i < rows.size()) {
        const std::uint64_t to = hashes_[2 * i] = hash(rows[i].row.to_account);
        const std::uint64_t from = hashes_[2 * i + 1] = hash(rows[i].row.from_account);
        credits_.prefetch(to);
        debits_.prefetch(from);
        all_.prefetch(to);
        all_.prefetch(from);
      }
      if (i < kDistance) continue;
      const std::size_t now = i - kDistance;
      const auto& [row, weight] = rows[now];
      credits_.add(row.to_account, hashes_[2 * now], row.amount, weight);
      debits_.add(row.from_account, hashes_[2 * now + 1], row.amount, weight);
      all_.add(row.to_account, hashes_[2 * now], row.amount, weight);
      all_.add(row.from_account, hashes_[2 * now + 1], -row.amount, weight);
    }
  }

  static void emit(const Sums& sums, Rows<AccountRow>& out) {
    for (const Touched& one : sums.touched()) emit_account(one.entry->key, one.before, one.entry->money, out);
  }

  /// The join: who has new credits meets all debits; who has only new debits meets all credits.
  void emit_balance(BankDeltas& out) {
    const auto credits = credits_.touched();
    for (std::size_t i = 0; i < credits.size(); ++i) {
      if (i + kDistance < credits.size()) debits_.prefetch(credits[i + kDistance].hash);
      const Touched& one = credits[i];
      const auto& debit = debits_.at(one.entry->key, one.hash);
      if (debit.mark == 0) continue;
      emit_account(one.entry->key, balance_of(one.before, debits_.before(debit)),
                   balance_of(one.entry->money, debit.money), out.balance, total_);
    }
    const auto debits = debits_.touched();
    for (std::size_t i = 0; i < debits.size(); ++i) {
      if (i + kDistance < debits.size()) credits_.prefetch(debits[i + kDistance].hash);
      const Touched& one = debits[i];
      const auto& credit = credits_.at(one.entry->key, one.hash);
      if (credit.mark == 0 || credits_.is_touched(credit)) continue;
      emit_account(one.entry->key, balance_of(credit.money, one.before), balance_of(credit.money, one.entry->money),
                   out.balance, total_);
    }
  }

  Sums credits_;
  Sums debits_;
  Sums all_;
  std::vector<std::uint64_t> hashes_;
  Acceptance accepted_;
  RunningTotal total_;
  RunningTotal total_all_;
};

}  // namespace lockstep::bench
