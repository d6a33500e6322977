#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "operators/joins/join_function.hpp"
#include "operators/joins/join_terms.hpp"
#include "operators/joins/keys_in_both.hpp"
#include "operators/joins/net_changes.hpp"
#include "runtime/graph/edge.hpp"
#include "runtime/state/index.hpp"
#include "runtime/zset/slice.hpp"

namespace lockstep {

/// The equi-join of two keyed streams, over their indexes: Δ(a⋈b) = Δa⋈b′ + a′⋈Δb − Δa⋈Δb, where a′ and b′ are after
/// the step. Keeps nothing itself.
///
/// Of a key that changes on both sides, all rows are brought together, and the function is called for pairs whose
/// weight changes: for none that was neither there before the step nor is after it.
template <class K, class VA, class VB, class Function>
class JoinOperator : public JoinFunction<K, VA, VB, Function> {
 public:
  using Joined = JoinFunction<K, VA, VB, Function>;
  using typename Joined::OutRow;
  using ReaderA = EdgeReader<std::pair<K, VA>>;
  using ReaderB = EdgeReader<std::pair<K, VB>>;

  JoinOperator(Function function, OperatorName name, const IndexView<K, VA>& a, const IndexView<K, VB>& b)
      : Joined(std::move(function), name), a_(&a), b_(&b) {}

  void eval(ReaderA& delta_a, ReaderB& delta_b, Batch<OutRow>& out) {
    const bool both = delta_a.fresh() && delta_b.fresh();
    if (both) find_keys_in_both(delta_a, delta_b);
    const bool any_in_both = both && !in_both_.keys().empty();
    Terms(*this, out).take([&](Terms& terms) { give_terms(delta_a, delta_b, any_in_both, terms); });
  }

 private:
  using RowA = Weighted<std::pair<K, VA>>;
  using RowB = Weighted<std::pair<K, VB>>;
  using Terms = JoinTerms<Joined>;

  void find_keys_in_both(ReaderA& delta_a, ReaderB& delta_b) {
    const auto each = [](auto& delta) {
      return [&delta](auto&& visit) {
        for (const auto& span : delta.spans()) {
          for (const auto& row : span) visit(row.row.first, row);
        }
      };
    };
    const auto hashes = [](auto& delta) { return [&delta] { return delta.key_hashes(); }; };
    in_both_.find(delta_a.size(), each(delta_a), hashes(delta_a), delta_b.size(), each(delta_b), hashes(delta_b));
  }

  void give_terms(ReaderA& delta_a, ReaderB& delta_b, bool any_in_both, Terms& terms) {
    const auto of_a = [&](const RowA& row, const VB& b, Weight weight_b) {
      terms(row.row.first, &row.row.second, &b, static_cast<Int128>(row.weight) * weight_b);
    };
    const auto of_b = [&](const RowB& row, const VA& a, Weight weight_a) {
      terms(row.row.first, &a, &row.row.second, static_cast<Int128>(row.weight) * weight_a);
    };
    probe(
        delta_a, *b_, matches_b_, made_b_, [&](std::size_t ordinal) { return any_in_both && in_both_.has_a(ordinal); },
        of_a);
    probe(
        delta_b, *a_, matches_a_, made_a_, [&](std::size_t ordinal) { return any_in_both && in_both_.has_b(ordinal); },
        of_b);
    if (any_in_both) [[unlikely]]
      join_keys_in_both(terms);
  }

  /// All rows of a delta, but those to be skipped, with what the other side has for their keys.
  template <class Reader, class V, class Skip, class Emit>
  void probe(Reader& delta, const IndexView<K, V>& index, std::array<Match<V>, kProbedAtOnce>& matches, Batch<V>& made,
             Skip&& skip, Emit&& emit) {
    using Row = Weighted<typename Reader::Row>;
    std::array<const Row*, kProbedAtOnce> rows;
    std::array<const K*, kProbedAtOnce> keys;
    std::array<std::uint64_t, kProbedAtOnce> hashes;
    // Old and new row of a key often stand side by side: one probe serves both.
    std::array<std::uint8_t, kProbedAtOnce> match_of;
    std::size_t size = 0;
    std::size_t probes = 0;
    const auto flush = [&] {
      index.probe(Slice(keys.data(), probes), Slice(hashes.data(), probes), Slice(matches.data(), probes), made);
      for (std::size_t i = 0; i < size; ++i) {
        matches[match_of[i]].for_each([&](const V& value, Weight weight) { emit(*rows[i], value, weight); });
      }
      size = probes = 0;
    };
    const Slice<const std::uint64_t> all_hashes = delta.key_hashes();
    std::size_t ordinal = 0;
    for (Slice<const Row> span : delta.spans()) {
      for (const Row& row : span) {
        const std::uint64_t hash = all_hashes[ordinal];
        if (skip(ordinal++) || row.weight == 0) continue;
        const K& key = row.row.first;
        if (size == 0 || hashes[probes - 1] != hash || !row_traits<K>::equal(*keys[probes - 1], key)) {
          keys[probes] = &key;
          hashes[probes++] = hash;
        }
        match_of[size] = static_cast<std::uint8_t>(probes - 1);
        rows[size++] = &row;
        if (size == kProbedAtOnce) flush();
      }
    }
    if (size != 0) flush();
  }

  void join_keys_in_both(Terms& terms) {
    std::array<const K*, kProbedAtOnce> keys;
    std::array<std::uint64_t, kProbedAtOnce> hashes;
    for (auto left = in_both_.keys(); !left.empty();) {
      const auto block = left.first(std::min(kProbedAtOnce, left.size()));
      for (std::size_t i = 0; i < block.size(); ++i) {
        keys[i] = block[i].key;
        hashes[i] = block[i].hash;
      }
      const auto all_keys = Slice(keys.data(), block.size());
      const auto all_hashes = Slice(hashes.data(), block.size());
      a_->probe(all_keys, all_hashes, Slice(matches_a_.data(), block.size()), made_a_);
      b_->probe(all_keys, all_hashes, Slice(matches_b_.data(), block.size()), made_b_);
      for (std::size_t i = 0; i < block.size(); ++i) {
        changes_a_.clear();
        changes_b_.clear();
        in_both_.for_each_a(block[i], [&](const RowA& row) { changes_a_.add(row.row.second, row.weight); });
        in_both_.for_each_b(block[i], [&](const RowB& row) { changes_b_.add(row.row.second, row.weight); });
        changes_a_.settle();
        changes_b_.settle();
        pair_up(*keys[i], changes_a_, matches_a_[i], changes_b_, matches_b_[i], terms);
      }
      left = left.subspan(block.size());
    }
  }

  const IndexView<K, VA>* a_;
  const IndexView<K, VB>* b_;
  KeysInBoth<K, const RowA, const RowB> in_both_;
  NetChanges<VA> changes_a_;
  NetChanges<VB> changes_b_;
  std::array<Match<VA>, kProbedAtOnce> matches_a_;  // kept, since to clear them costs more than a probe
  std::array<Match<VB>, kProbedAtOnce> matches_b_;
  Batch<VA> made_a_;
  Batch<VB> made_b_;
};

}  // namespace lockstep
