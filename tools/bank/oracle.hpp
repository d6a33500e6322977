#pragma once

#include <xxhash.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tools/bank/transfer.hpp"

// An oracle of the bank that shares nothing with the engine: its own sums, its own comparison, its own hash.

namespace lockstep::bank {

__extension__ using Wide = __int128;
__extension__ using Fingerprint = unsigned __int128;

enum class View : unsigned { accepted_transactions, credits, debits, balance, balance_all, total, total_all };
constexpr std::size_t kViews = 7;
constexpr std::array<const char*, kViews> kViewNames{"accepted_transactions", "credits", "debits",   "balance",
                                                     "balance_all",           "total",   "total_all"};

/// A row of any view: a transfer's five fields, (account, money), or (money).
struct ViewRow {
  std::array<std::int64_t, 5> fields{};

  friend bool operator==(const ViewRow&, const ViewRow&) = default;
  friend bool operator<(const ViewRow& a, const ViewRow& b) { return a.fields < b.fields; }
};
ViewRow view_row(const Transfer& transfer);
ViewRow view_row(std::int64_t account, std::int64_t money);
ViewRow view_row(std::int64_t money);

/// A row that a view shows with the wrong weight.
struct Violation {
  View view;
  std::uint64_t step;
  std::string row;
  std::int64_t shown;
  std::int64_t expected;
};

/// A multiset of rows, with its 128-bit fingerprint: the sum over all rows of weight × hash, mod 2^128, by which large
/// multisets are compared in O(1).
class Multiset {
 public:
  void add(const ViewRow& row, std::int64_t weight);
  std::int64_t weight_of(const ViewRow& row) const;
  const auto& rows() const { return rows_; }
  Fingerprint fingerprint() const { return fingerprint_; }

  static Fingerprint fingerprint_of(const ViewRow& row) {
    const XXH128_hash_t hash = XXH3_128bits_withSeed(row.fields.data(), sizeof row.fields, 0x62616e6b);
    return Fingerprint{hash.high64} << 64 | hash.low64;
  }

 private:
  struct Hash {
    std::size_t operator()(const ViewRow& row) const;
  };
  std::unordered_map<ViewRow, std::int64_t, Hash> rows_;  // no row of weight 0
  Fingerprint fingerprint_ = 0;
};

/// Compares every view with what it must be, at every step, multiplicities included.
class Oracle {
 public:
  explicit Oracle(bool exhaustive) : exhaustive_(exhaustive) {}

  /// A transfer was admitted into the step that comes.
  void admit(const Transfer& transfer);
  /// A view's delta in the step has such a row.
  void show(View view, const ViewRow& row, std::int64_t weight) { views_[index(view)].shown.add(row, weight); }
  /// The step is complete: compares. `last`: after the last step.
  void check(std::uint64_t step, bool last);

  std::uint64_t violations(View view) const { return views_[index(view)].violations; }
  std::uint64_t violations() const;
  const std::vector<Violation>& first_violations() const { return first_violations_; }
  /// Steps that were recomputed from all admitted transfers.
  std::uint64_t full_recomputations() const { return full_recomputations_; }

 private:
  /// What is kept of an account: the integrals of the inputs.
  struct Account {
    Wide credit = 0;
    Wide debit = 0;
    bool credited = false;
    bool debited = false;
  };
  using Accounts = std::unordered_map<std::int64_t, Account>;
  using Expected = std::vector<std::pair<ViewRow, std::int64_t>>;  // each row once
  /// What an account contributes to a view of accounts, if anything.
  static std::optional<Wide> money_in(View view, const Account& account);

  struct ViewState {
    Multiset shown;
    Fingerprint expected = 0;  // kept by hand for the views of accounts, and for accepted_transactions
    std::uint64_t rows = 0;    // how many are expected
    std::uint64_t violations = 0;
  };

  static std::size_t index(View view) { return static_cast<std::size_t>(view); }
  void count(View view, std::int64_t id, const Account& account, int sign);
  void compare_all(std::uint64_t step, bool last);
  Expected expected_rows(View view, const Accounts& accounts) const;
  void compare(View view, Expected expected, std::uint64_t step);
  void report(View view, std::uint64_t step, const ViewRow& row, std::int64_t shown, std::int64_t expected);

  const bool exhaustive_;
  std::vector<Transfer> admitted_;
  std::uint64_t checked_ = 0;  // of the admitted
  Accounts accounts_;
  std::array<ViewState, kViews> views_;
  std::array<Wide, 2> totals_{};  // of balance and balance_all
  std::uint64_t next_full_ = 1;
  std::uint64_t wrong_at_ = 0;  // the last step with a violation
  std::uint64_t full_recomputations_ = 0;
  std::vector<Violation> first_violations_;
};

}  // namespace lockstep::bank
