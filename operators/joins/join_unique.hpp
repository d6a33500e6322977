#pragma once

#include <array>
#include <optional>
#include <utility>

#include "operators/joins/join_function.hpp"
#include "operators/joins/keys_in_both.hpp"
#include "runtime/graph/edge.hpp"
#include "runtime/state/index.hpp"
#include "runtime/zset/array.hpp"
#include "runtime/zset/slice.hpp"

namespace lockstep {

/// The equi-join of two keyed streams in each of which a key has at most one value: for each key that changed on either
/// side, what the two values gave before the step goes and what they give after it comes. Every delta is minimal as
/// it leaves, without a consolidation. Keeps nothing itself.
template <class K, class VA, class VB, class Function>
class UniqueJoinOperator : public JoinFunction<K, VA, VB, Function> {
 public:
  using Joined = JoinFunction<K, VA, VB, Function>;
  using typename Joined::OutRow;
  using ReaderA = EdgeReader<std::pair<K, VA>>;
  using ReaderB = EdgeReader<std::pair<K, VB>>;

  UniqueJoinOperator(Function function, OperatorName name, const IndexView<K, VA>& a, const IndexView<K, VB>& b)
      : Joined(std::move(function), name), index_a_(&a), index_b_(&b) {}

  void eval(ReaderA& delta_a, ReaderB& delta_b, Batch<OutRow>& out) {
    read(delta_a, changes_a_);
    read(delta_b, changes_b_);
    if (!changes_a_.empty() && !changes_b_.empty()) join_changes(out);
    join_rest(changes_a_, *index_b_, matches_b_, made_b_,
              [&](const Change<VA>& a, const VB& b) { emit(*a.key, a.before, &b, a.after, &b, out); });
    join_rest(changes_b_, *index_a_, matches_a_, made_a_,
              [&](const Change<VB>& b, const VA& a) { emit(*b.key, &a, b.before, &a, b.after, out); });
  }

 private:
  /// What a delta says of a key.
  template <class V>
  struct Change {
    const K* key;
    const V* before = nullptr;
    const V* after = nullptr;
    bool done = false;  // joined with a change of the other side
  };

  /// Old and new row of a key stand side by side; see Properties::unique_by_key.
  template <class V, class Reader>
  static void read(Reader& delta, Array<Change<V>>& changes) {
    changes.clear();
    delta.for_each([&changes](const std::pair<K, V>& row, Weight weight) {
      if (changes.empty() || !row_traits<K>::equal(*changes.back().key, row.first)) changes.push_back({&row.first});
      (weight < 0 ? changes.back().before : changes.back().after) = &row.second;
    });
  }

  void join_changes(Batch<OutRow>& out) {
    const auto each = [](auto& changes) {
      return [&changes](auto&& visit) {
        for (auto& change : changes) visit(*change.key, change);
      };
    };
    const auto hashes = [](auto& changes, Array<std::uint64_t>& of_keys) {
      return [&changes, &of_keys] {
        of_keys.clear();
        for (const auto& change : changes) of_keys.push_back(row_traits<K>::hash(*change.key));
        return Slice<const std::uint64_t>(of_keys.data(), of_keys.size());
      };
    };
    in_both_.find(changes_a_.size(), each(changes_a_), hashes(changes_a_, hashes_a_), changes_b_.size(),
                  each(changes_b_), hashes(changes_b_, hashes_b_));
    for (const auto& group : in_both_.keys()) {  // of one change a side
      in_both_.for_each_a(group, [&](Change<VA>& a) {
        in_both_.for_each_b(group, [&](Change<VB>& b) {
          a.done = b.done = true;
          emit(*a.key, a.before, b.before, a.after, b.after, out);
        });
      });
    }
  }

  /// Joins the changes of one side with what the other side has had all along.
  template <class Changed, class V, class Emit>
  void join_rest(const Array<Changed>& changes, const IndexView<K, V>& other,
                 std::array<Match<V>, kProbedAtOnce>& matches, Batch<V>& made, Emit&& emit) {
    std::array<const Changed*, kProbedAtOnce> block;
    std::array<const K*, kProbedAtOnce> keys;
    std::array<std::uint64_t, kProbedAtOnce> hashes;
    for (std::size_t next = 0; next < changes.size();) {
      std::size_t count = 0;
      for (; next < changes.size() && count < kProbedAtOnce; ++next) {
        if (changes[next].done) continue;
        block[count] = &changes[next];
        keys[count] = changes[next].key;
        hashes[count++] = row_traits<K>::hash(*changes[next].key);
      }
      other.probe(Slice(keys.data(), count), Slice(hashes.data(), count), Slice(matches.data(), count), made);
      for (std::size_t i = 0; i < count; ++i) {
        matches[i].for_each([&](const V& value, Weight) { emit(*block[i], value); });
      }
    }
  }

  void emit(const K& key, const VA* a_before, const VB* b_before, const VA* a_after, const VB* b_after,
            Batch<OutRow>& out) {
    std::optional<OutRow> before;
    std::optional<OutRow> after;
    if (a_before != nullptr && b_before != nullptr) before.emplace(this->result(key, a_before, b_before));
    if (a_after != nullptr && b_after != nullptr) after.emplace(this->result(key, a_after, b_after));
    if (before && after && row_traits<OutRow>::equal(*before, *after)) return;
    if (before) out.push_back({std::move(*before), -1});
    if (after) out.push_back({std::move(*after), 1});
  }

  const IndexView<K, VA>* index_a_;
  const IndexView<K, VB>* index_b_;
  Array<Change<VA>> changes_a_;
  Array<Change<VB>> changes_b_;
  KeysInBoth<K, Change<VA>, Change<VB>> in_both_;
  Array<std::uint64_t> hashes_a_;
  Array<std::uint64_t> hashes_b_;
  std::array<Match<VA>, kProbedAtOnce> matches_a_;  // kept, since to clear them costs more than a probe
  std::array<Match<VB>, kProbedAtOnce> matches_b_;
  Batch<VA> made_a_;
  Batch<VB> made_b_;
};

}  // namespace lockstep
