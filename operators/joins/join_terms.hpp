#pragma once

#include <utility>

#include "operators/joins/net_changes.hpp"
#include "runtime/faults/errors.hpp"
#include "runtime/state/index.hpp"
#include "runtime/zset/batch.hpp"

namespace lockstep {

/// Takes the terms of a join, each two values of a key and a weight, and puts out the rows that they give. If a term's
/// weight is out of range, the terms of its row may cancel: then all are taken once more, and their sums judged.
///
/// A Rule has K, VA, VB and OutRow, and result(key, a, b), of pointers one of which may be null.
template <class Rule>
class JoinTerms {
 public:
  using K = typename Rule::K;
  using VA = typename Rule::VA;
  using VB = typename Rule::VB;
  using OutRow = typename Rule::OutRow;

  JoinTerms(Rule& rule, Batch<OutRow>& out) : rule_(&rule), out_(&out) {}

  /// give(terms) calls terms(key, a, b, weight) for each term, the same each time.
  template <class Give>
  void take(Give&& give) {
    give(*this);
    if (fits_) [[likely]]
      return;
    wide_ = true;
    out_->clear();
    give(*this);
    settle();
  }

  void operator()(const K& key, const VA* a, const VB* b, Int128 weight) {
    if (!fits_weight(weight) || wide_) [[unlikely]]
      return take_wide(key, a, b, weight);
    out_->push_back({rule_->result(key, a, b), static_cast<Weight>(weight)});
  }
  /// The same, called: for what has many places that give terms.
  [[gnu::noinline]] void put(const K& key, const VA* a, const VB* b, Int128 weight) { (*this)(key, a, b, weight); }

 private:
  struct Term {
    K key;
    OutRow row;
    Int128 weight;
  };

  [[gnu::cold]] void take_wide(const K& key, const VA* a, const VB* b, Int128 weight) {
    fits_ = false;
    if (wide_) terms_.push_back({key, rule_->result(key, a, b), weight});
  }

  [[gnu::cold]] void settle() {
    const auto order = [](const Term& a, const Term& b) {
      const auto keys = row_traits<K>::compare(a.key, b.key);
      return keys != 0 ? keys : row_traits<OutRow>::compare(a.row, b.row);
    };
    sort_seldom(terms_, [&](const Term& a, const Term& b) { return order(a, b) < 0; });
    for (std::size_t i = 0; i < terms_.size();) {
      const Term& first = terms_[i];
      // In two halves: a sum of terms may leave 128 bits.
      constexpr unsigned kHalf = 64;
      Int128 low = 0;
      Int128 high = 0;
      for (; i < terms_.size() && order(first, terms_[i]) == 0; ++i) {
        low += static_cast<std::uint64_t>(terms_[i].weight);
        high += terms_[i].weight >> kHalf;
      }
      high += low >> kHalf;
      const auto weight = static_cast<Weight>(static_cast<std::uint64_t>(low));
      if (high != (weight < 0 ? -1 : 0)) {
        throw_overflow("the weight of a joined row does not fit 64 bits", to_string(first.row));
      }
      if (weight != 0) out_->push_back({first.row, weight});
    }
  }

  Rule* rule_;
  Batch<OutRow>* out_;
  bool fits_ = true;
  bool wide_ = false;
  Array<Term> terms_;
};

/// The pairs of one key whose weight changes, given what changes on each side and what is there after the step (of a
/// side, if the other one changes).
template <class K, class VA, class VB, class Terms>
void pair_up(const K& key, NetChanges<VA>& changes_a, const Match<VA>& now_a, NetChanges<VB>& changes_b,
             const Match<VB>& now_b, Terms& terms) {
  // What changes on one side, with what stays as it was on the other.
  if (!changes_a.empty()) {
    now_b.for_each([&](const VB& b, Weight weight) {
      if (auto* const change = changes_b.find(b)) {
        change->after = weight;
      } else {
        for (const auto& a : changes_a) terms.put(key, a.value, &b, a.delta * weight);
      }
    });
  }
  if (changes_b.empty()) return;
  now_a.for_each([&](const VA& a, Weight weight) {
    if (auto* const change = changes_a.find(a)) {
      change->after = weight;
    } else {
      for (const auto& b : changes_b) terms.put(key, &a, b.value, b.delta * weight);
    }
  });
  // What changes on both: a′b′ − ab.
  for (const auto& a : changes_a) {
    for (const auto& b : changes_b) {
      const Int128 weight = static_cast<Int128>(a.after) * b.after - (a.after - a.delta) * (b.after - b.delta);
      if (weight != 0) terms.put(key, a.value, b.value, weight);
    }
  }
}

}  // namespace lockstep
