#pragma once

#include <memory>
#include <utility>

#include "runtime/rows/bytes.hpp"
#include "runtime/state/captured_table.hpp"
#include "runtime/state/hash_table.hpp"
#include "runtime/zset/weights.hpp"

namespace lockstep {

/// A Z-set that is updated in place: rows by hash, O(1) per row. Rows of weight zero are not there. Worker-local,
/// but for what pin() returns.
template <class R, class Hash = RowHash, class Mark = NoMark>
class WeightTable {
 public:
  explicit WeightTable(const IndexLimits& limits = {}) : table_(limits) {}

  /// Returns the carry (see add_weight).
  int add(const R& row, Weight weight) {
    const std::uint64_t hash = Hash()(row);
    auto* entry = table_.insert(row, hash);
    table_.touch(entry);
    const Weight before = entry->payload;
    const int carry = add_wrapping(entry->payload, weight);
    total_ += Int128{entry->payload} - before;
    if (entry->payload == 0) table_.erase(entry, hash);
    return carry;
  }

  /// REQUIRES: the row is not there.
  void take(R&& row, Weight weight) {
    table_.insert(row, Hash()(row))->payload = weight;
    total_ += weight;
  }

  Weight weight_of(const R& row) const {
    const auto* entry = table_.find(row, Hash()(row));
    return entry == nullptr ? 0 : entry->payload;
  }

  /// The sum of the weights as they are held: exact at the end of a step, when none has left its range.
  Int128 total() const { return total_; }
  std::size_t size() const { return table_.size(); }
  std::size_t bytes() const { return table_.bytes(); }

  template <class Function>
  void for_each(Function&& function) const {
    table_.for_each([&](const auto& entry) { function(entry.key, entry.payload); });
  }

  // Of one with NoMarkButLink:

  Segments& table() { return table_; }
  [[gnu::cold]] std::unique_ptr<Capture> capture(const SlotSet* changes_of) {
    return capture_table(table_, changes_of, [](Encoder& out, Weight weight, const auto&) { out.zigzag(weight); });
  }
  /// What is said of a row replaces what was said before.
  [[gnu::cold]] void load(Decoder& in) {
    while (!in.at_end()) {
      const R row = row_traits<R>::decode(in);
      const std::uint64_t hash = Hash()(row);
      auto* entry = table_.insert(row, hash);
      total_ -= entry->payload;
      entry->payload = in.zigzag();
      total_ += entry->payload;
      if (entry->payload == 0) table_.erase(entry, hash);
    }
  }

  /// A copy that stays as it is, made in O(segments).
  WeightTable pin() { return WeightTable(table_.pin(), total_); }

 private:
  WeightTable(HashTable<R, Weight, Mark, Hash>&& table, Int128 total) : table_(std::move(table)), total_(total) {}

  HashTable<R, Weight, Mark, Hash> table_;
  Int128 total_ = 0;
};

}  // namespace lockstep
