#include "tools/bank/oracle.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lockstep::bank {

namespace {

/// Views above this are compared by fingerprint between full recomputations.
constexpr std::uint64_t kSmallView = 100'000;
/// Row by row, a view is compared at a step if it has at most so many rows for each of the step: steps of one row
/// over a hundred thousand accounts would never end. Its fingerprint is compared in any case.
constexpr std::uint64_t kRowsPerChange = 4;
constexpr std::uint64_t kAlwaysSmall = 256;
constexpr std::size_t kShownViolations = 10;

constexpr std::array kAccountViews{View::credits, View::debits, View::balance, View::balance_all};

std::int64_t narrow(Wide money) { return static_cast<std::int64_t>(money); }

std::string row_text(View view, const ViewRow& row) {
  const auto& f = row.fields;
  switch (view) {
    case View::accepted_transactions:
      return fmt::format("{{id: {}, from_account: {}, to_account: {}, amount: {}, ts: {}}}", f[0], f[1], f[2], f[3],
                         f[4]);
    case View::total:
    case View::total_all: return fmt::format("{}", f[0]);
    default: return fmt::format("({}, {})", f[0], f[1]);
  }
}

}  // namespace

ViewRow view_row(const Transfer& transfer) {
  return {{transfer.id, transfer.from_account, transfer.to_account, transfer.amount, transfer.ts}};
}
ViewRow view_row(std::int64_t account, std::int64_t money) { return {{account, money}}; }
ViewRow view_row(std::int64_t money) { return {{money}}; }

std::size_t Multiset::Hash::operator()(const ViewRow& row) const {
  return static_cast<std::size_t>(fingerprint_of(row));
}

void Multiset::add(const ViewRow& row, std::int64_t weight) {
  fingerprint_ += fingerprint_of(row) * static_cast<Fingerprint>(weight);
  const auto [place, added] = rows_.try_emplace(row, 0);
  place->second += weight;
  if (place->second == 0) rows_.erase(place);
}

std::int64_t Multiset::weight_of(const ViewRow& row) const {
  const auto found = rows_.find(row);
  return found == rows_.end() ? 0 : found->second;
}

std::optional<Wide> Oracle::money_in(View view, const Account& account) {
  switch (view) {
    case View::credits: return account.credited ? std::optional(account.credit) : std::nullopt;
    case View::debits: return account.debited ? std::optional(account.debit) : std::nullopt;
    case View::balance:
      if (!account.credited || !account.debited) return std::nullopt;
      return account.credit - account.debit;
    default: return account.credit - account.debit;
  }
}

/// Adds or takes away what an account contributes to a view of accounts and to that view's total.
void Oracle::count(View view, std::int64_t id, const Account& account, int sign) {
  const std::optional<Wide> money = money_in(view, account);
  if (!money) return;
  ViewState& state = views_[index(view)];
  state.expected += Multiset::fingerprint_of(view_row(id, narrow(*money))) * static_cast<Fingerprint>(sign);
  state.rows += static_cast<std::uint64_t>(sign);
  if (view == View::balance) totals_[0] += sign * *money;
  if (view == View::balance_all) totals_[1] += sign * *money;
}

void Oracle::admit(const Transfer& transfer) {
  admitted_.push_back(transfer);
  ViewState& accepted = views_[index(View::accepted_transactions)];
  accepted.expected += Multiset::fingerprint_of(view_row(transfer));
  ++accepted.rows;
  const auto change = [this](std::int64_t id, auto&& function) {
    const auto [place, added] = accounts_.try_emplace(id);
    Account& account = place->second;
    if (!added) {
      for (const View view : kAccountViews) count(view, id, account, -1);
    }
    function(account);
    for (const View view : kAccountViews) count(view, id, account, 1);
  };
  change(transfer.to_account, [&](Account& account) {
    account.credit += transfer.amount;
    account.credited = true;
  });
  change(transfer.from_account, [&](Account& account) {
    account.debit += transfer.amount;
    account.debited = true;
  });
}

Oracle::Expected Oracle::expected_rows(View view, const Accounts& accounts) const {
  Expected expected;
  if (view == View::accepted_transactions) {
    expected.reserve(admitted_.size());
    for (const Transfer& transfer : admitted_) expected.push_back({view_row(transfer), 1});
    std::sort(expected.begin(), expected.end());
    std::size_t kept = 0;
    for (const auto& row : expected) {
      if (kept != 0 && expected[kept - 1].first == row.first) {
        ++expected[kept - 1].second;
      } else {
        expected[kept++] = row;
      }
    }
    expected.resize(kept);
    return expected;
  }
  const bool total = view == View::total || view == View::total_all;
  const View of = view == View::total ? View::balance : view == View::total_all ? View::balance_all : view;
  std::optional<Wide> sum;
  for (const auto& [id, account] : accounts) {
    const std::optional<Wide> money = money_in(of, account);
    if (!money) continue;
    if (total) {
      sum = sum.value_or(0) + *money;
    } else {
      expected.push_back({view_row(id, narrow(*money)), 1});
    }
  }
  if (sum) expected.push_back({view_row(narrow(*sum)), 1});
  return expected;
}

void Oracle::check(std::uint64_t step, bool last) {
  if (last && step == wrong_at_) return;  // it has been counted
  const std::uint64_t before = violations();
  compare_all(step, last);
  if (violations() != before) wrong_at_ = step;
}

void Oracle::compare_all(std::uint64_t step, bool last) {
  const std::uint64_t changed = admitted_.size() - checked_;
  checked_ = admitted_.size();
  for (const View view : {View::total, View::total_all}) {
    ViewState& state = views_[index(view)];
    const bool all = view == View::total_all;
    state.rows = views_[index(all ? View::balance_all : View::balance)].rows != 0;
    state.expected = state.rows == 0 ? 0 : Multiset::fingerprint_of(view_row(narrow(totals_[all])));
  }

  if (exhaustive_ || last || step >= next_full_) {
    next_full_ = std::max(step + 1, next_full_ * 2);
    ++full_recomputations_;
    Accounts accounts;
    for (const Transfer& transfer : admitted_) {
      Account& to = accounts[transfer.to_account];
      to.credit += transfer.amount;
      to.credited = true;
      Account& from = accounts[transfer.from_account];
      from.debit += transfer.amount;
      from.debited = true;
    }
    for (std::size_t view = 0; view < kViews; ++view) {
      compare(View{static_cast<unsigned>(view)}, expected_rows(View{static_cast<unsigned>(view)}, accounts), step);
    }
    return;
  }
  for (std::size_t i = 0; i < kViews; ++i) {
    const View view{static_cast<unsigned>(i)};
    const ViewState& state = views_[i];
    const bool total = view == View::total || view == View::total_all;
    const std::uint64_t rows = total ? accounts_.size() : state.rows;
    const bool small = rows <= kSmallView && (rows <= kAlwaysSmall || rows <= kRowsPerChange * changed);
    if (small || state.shown.fingerprint() != state.expected) compare(view, expected_rows(view, accounts_), step);
  }
}

void Oracle::compare(View view, Expected expected, std::uint64_t step) {
  const Multiset& shown = views_[index(view)].shown;
  std::size_t found = 0;
  for (const auto& [row, weight] : expected) {
    const std::int64_t now = shown.weight_of(row);
    found += now != 0;
    if (now != weight) report(view, step, row, now, weight);
  }
  if (found == shown.rows().size()) return;
  std::sort(expected.begin(), expected.end());
  for (const auto& [row, weight] : shown.rows()) {
    const auto place = std::lower_bound(expected.begin(), expected.end(), std::pair(row, std::int64_t{0}));
    if (place == expected.end() || place->first != row) report(view, step, row, weight, 0);
  }
}

void Oracle::report(View view, std::uint64_t step, const ViewRow& row, std::int64_t shown, std::int64_t expected) {
  ++views_[index(view)].violations;
  if (first_violations_.size() < kShownViolations) {
    first_violations_.push_back({view, step, row_text(view, row), shown, expected});
  }
}

std::uint64_t Oracle::violations() const {
  std::uint64_t sum = 0;
  for (const ViewState& view : views_) sum += view.violations;
  return sum;
}

}  // namespace lockstep::bank
