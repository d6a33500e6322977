#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "operators/joins/deltas_by_key.hpp"
#include "operators/joins/join_terms.hpp"
#include "operators/joins/net_changes.hpp"
#include "runtime/state/index.hpp"
#include "runtime/zset/slice.hpp"

namespace lockstep {

/// Joins that ask of a row whether the other side has a match for it: outer joins, semi and anti joins. A row is
/// matched iff the weights of the other side's rows that match it, by key and condition, sum to more than 0. What comes
/// out is linear in the rows of each side:
///
///   kPairs      the matching pairs, their weights multiplied
///   kLoneA      the rows of a that are not matched, and with kLoneB those of b
///   kMatchedA   the rows of a that are matched
///
/// Works key by key: of each key that changes, what its rows before the step gave goes, what its rows after it give
/// comes; so no row goes or comes that was there neither before nor is after. Reads the indexes of both sides, and
/// keeps nothing itself.
///
/// Cost: O(changed rows + rows out). If a key becomes matched, or ceases to be, O(rows of the key on the other side).
/// With a condition, O(rows of a changed key on one side times those on the other).
template <class Rule>
class MatchOperator : public Rule {
 public:
  using typename Rule::K;
  using typename Rule::OutRow;
  using typename Rule::VA;
  using typename Rule::VB;
  using ReaderA = EdgeReader<std::pair<K, VA>>;
  using ReaderB = EdgeReader<std::pair<K, VB>>;

  MatchOperator(Rule rule, const IndexView<K, VA>& a, const IndexView<K, VB>& b)
      : Rule(std::move(rule)), index_a_(&a), index_b_(&b) {}

  void eval(ReaderA& delta_a, ReaderB& delta_b, Batch<OutRow>& out) {
    by_key_.gather(delta_a, delta_b);
    Terms(*this, out).take([this](Terms& terms) { give_terms(terms); });
  }

 private:
  using Key = typename DeltasByKey<K, VA, VB>::Key;
  using Terms = JoinTerms<Rule>;

  static constexpr bool kOfA = Rule::kLoneA || Rule::kMatchedA;

  /// What the deltas say of a key, and where what was probed for it is.
  struct Changed {
    Int128 sum_a;  // of the weights in the delta
    Int128 sum_b;
    std::uint32_t at_a;
    std::uint32_t at_b;
  };
  static constexpr std::uint32_t kNotProbed = kProbedAtOnce;

  /// The rows of one side that were probed for the keys of a block, those that need it.
  template <class V>
  struct Probed {
    std::array<const K*, kProbedAtOnce> keys;
    std::array<std::uint64_t, kProbedAtOnce> hashes;
    std::array<Match<V>, kProbedAtOnce + 1> matches;  // the last one stays empty, for keys that do not
    std::uint32_t size = 0;
    Batch<V> made;

    std::uint32_t add(const Key& key) {
      keys[size] = key.key;
      hashes[size] = key.hash;
      return size++;
    }
    void probe(const IndexView<K, V>& index) {
      index.probe({keys.data(), size}, {hashes.data(), size}, {matches.data(), size}, made);
      size = 0;
    }
  };

  void give_terms(Terms& terms) {
    for (Slice<const Key> keys = by_key_.keys(); !keys.empty();) {
      const auto block = keys.first(std::min(kProbedAtOnce, keys.size()));
      for (std::size_t i = 0; i < block.size(); ++i) look_at(block[i], changed_[i]);
      probed_b_.probe(*index_b_);
      for (std::size_t i = 0; i < block.size(); ++i) {
        if (needs_a(block[i], changed_[i])) changed_[i].at_a = probed_a_.add(block[i]);
      }
      probed_a_.probe(*index_a_);
      for (std::size_t i = 0; i < block.size(); ++i) {
        changes_a_.clear();
        changes_b_.clear();
        by_key_.for_each_a(block[i], [this](const auto& row) { changes_a_.add(row.row.second, row.weight); });
        by_key_.for_each_b(block[i], [this](const auto& row) { changes_b_.add(row.row.second, row.weight); });
        changes_a_.settle();
        changes_b_.settle();
        const Match<VA>& a = probed_a_.matches[changed_[i].at_a];
        const Match<VB>& b = probed_b_.matches[changed_[i].at_b];
        if constexpr (Rule::kConditional) {
          match_rows(*block[i].key, changed_[i], a, b, terms);
        } else {
          match_key(*block[i].key, changed_[i], a, b, terms);
        }
      }
      keys = keys.subspan(block.size());
    }
  }

  void look_at(const Key& key, Changed& changed) {
    changed = {0, 0, kNotProbed, kNotProbed};
    by_key_.for_each_a(key, [&](const auto& row) { changed.sum_a += row.weight; });
    by_key_.for_each_b(key, [&](const auto& row) { changed.sum_b += row.weight; });
    if (key.has_a() || (kOfA && (Rule::kConditional || changed.sum_b != 0))) changed.at_b = probed_b_.add(key);
  }

  /// Of a semi or anti join without a condition, only if the key becomes matched or ceases to be.
  bool needs_a(const Key& key, const Changed& changed) const {
    if (!key.has_b()) return Rule::kLoneB && (Rule::kConditional || changed.sum_a != 0);
    if (Rule::kPairs || Rule::kConditional) return true;
    const Int128 total = probed_b_.matches[changed.at_b].total();
    return (total > 0) != (total - changed.sum_b > 0);
  }

  /// All rows of one key match all of the other side.
  void match_key(const K& key, const Changed& changed, const Match<VA>& a, const Match<VB>& b, Terms& terms) {
    const bool may_match = Rule::may_match(key);
    if constexpr (Rule::kPairs) {
      if (may_match) pair_up(key, changes_a_, a, changes_b_, b, terms);
    }
    if constexpr (kOfA) {
      if (!changes_a_.empty() || changed.sum_b != 0) {
        const Int128 total = b.total();
        change_rows(changes_a_, a, is_there(may_match && total - changed.sum_b > 0), is_there(may_match && total > 0),
                    [&](const VA& value, Int128 weight) { terms.put(key, &value, nullptr, weight); });
      }
    }
    if constexpr (Rule::kLoneB) {
      if (!changes_b_.empty() || changed.sum_a != 0) {
        const Int128 total = a.total();
        change_rows(changes_b_, b, !(may_match && total - changed.sum_a > 0), !(may_match && total > 0),
                    [&](const VB& value, Int128 weight) { terms.put(key, nullptr, &value, weight); });
      }
    }
  }

  /// Whether a row of a comes out by itself.
  static bool is_there(bool matched) { return Rule::kMatchedA ? matched : !matched; }

  /// The rows of one side, that were all there or not, and now are or not.
  template <class V, class Emit>
  static void change_rows(NetChanges<V>& changes, const Match<V>& rows, bool were_there, bool are_there, Emit&& emit) {
    if (were_there && are_there) {
      for (const auto& change : changes) emit(*change.value, change.delta);
    } else if (are_there) {
      rows.for_each([&](const V& value, Weight weight) { emit(value, Int128{weight}); });
    } else if (were_there) {
      rows.for_each([&](const V& value, Weight weight) {
        auto* const change = changes.find(value);
        if (change != nullptr) change->after = weight;
        const Int128 before = weight - (change != nullptr ? change->delta : 0);
        if (before != 0) emit(value, -before);
      });
      for (const auto& change : changes) {
        if (change.after == 0) emit(*change.value, change.delta);
      }
    }
  }

  /// A row of a key whose rows match one by one.
  template <class V>
  struct OneRow {
    const V* value;
    Int128 before;
    Int128 after;
    bool changed() const { return before != after; }
  };

  void match_rows(const K& key, const Changed& changed, const Match<VA>& a, const Match<VB>& b, Terms& terms) {
    list_rows(changed.at_a != kNotProbed, changes_a_, a, rows_a_);
    list_rows(changed.at_b != kNotProbed, changes_b_, b, rows_b_);
    const bool may_match = Rule::may_match(key);
    const auto matching = [&](const OneRow<VA>& one, const OneRow<VB>& other) {
      const bool ever = (one.before != 0 && other.before != 0) || (one.after != 0 && other.after != 0);
      return may_match && ever && Rule::matches(key, *one.value, *other.value);
    };
    if constexpr (Rule::kPairs) {
      for (const OneRow<VA>& one : rows_a_) {
        for (const OneRow<VB>& other : rows_b_) {
          const Int128 weight = one.after * other.after - one.before * other.before;
          if (weight != 0 && matching(one, other)) terms.put(key, one.value, other.value, weight);
        }
      }
    }
    if constexpr (kOfA) {
      for (const OneRow<VA>& one : rows_a_) {
        if (!one.changed() && changes_b_.empty()) continue;
        Int128 was = 0;
        Int128 is = 0;
        for (const OneRow<VB>& other : rows_b_) {
          if (!matching(one, other)) continue;
          was += other.before;
          is += other.after;
        }
        const Int128 weight = (is_there(is > 0) ? one.after : 0) - (is_there(was > 0) ? one.before : 0);
        if (weight != 0) terms.put(key, one.value, nullptr, weight);
      }
    }
    if constexpr (Rule::kLoneB) {
      for (const OneRow<VB>& other : rows_b_) {
        if (!other.changed() && changes_a_.empty()) continue;
        Int128 was = 0;
        Int128 is = 0;
        for (const OneRow<VA>& one : rows_a_) {
          if (!matching(one, other)) continue;
          was += one.before;
          is += one.after;
        }
        const Int128 weight = (is > 0 ? 0 : other.after) - (was > 0 ? 0 : other.before);
        if (weight != 0) terms.put(key, nullptr, other.value, weight);
      }
    }
  }

  /// `known`: whether the rows after the step are. If not, nothing changes on the other side, and what comes out is
  /// linear in the changes: they are as good as rows that come.
  template <class V>
  static void list_rows(bool known, NetChanges<V>& changes, const Match<V>& now, Array<OneRow<V>>& rows) {
    rows.clear();
    if (known) {
      now.for_each([&](const V& value, Weight weight) {
        auto* const change = changes.find(value);
        if (change != nullptr) change->after = weight;
        rows.push_back({&value, weight - (change != nullptr ? change->delta : 0), weight});
      });
      for (const auto& change : changes) {
        if (change.after == 0) rows.push_back({change.value, -change.delta, 0});
      }
    } else {
      for (const auto& change : changes) rows.push_back({change.value, 0, change.delta});
    }
  }

  const IndexView<K, VA>* index_a_;
  const IndexView<K, VB>* index_b_;
  DeltasByKey<K, VA, VB> by_key_;
  NetChanges<VA> changes_a_;
  NetChanges<VB> changes_b_;
  Array<OneRow<VA>> rows_a_;
  Array<OneRow<VB>> rows_b_;
  // Kept, since to clear them costs more than a probe.
  std::array<Changed, kProbedAtOnce> changed_;
  Probed<VA> probed_a_;
  Probed<VB> probed_b_;
};

}  // namespace lockstep
