#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "runtime/state/captured_table.hpp"
#include "runtime/state/hash_table.hpp"
#include "runtime/state/rows_of_key.hpp"
#include "runtime/zset/batch.hpp"
#include "runtime/zset/carries.hpp"
#include "runtime/zset/function_ref.hpp"
#include "runtime/zset/slice.hpp"

namespace lockstep {

/// How many keys are hashed and prefetched before the first is probed.
inline constexpr std::size_t kProbedAtOnce = 64;

/// The values that an index holds for one key, each with its weight.
template <class V>
struct Match {
  Slice<const Weighted<V>> rows;
  const WeightTable<V>* large = nullptr;

  template <class Function>
  void for_each(Function&& function) const {
    if (large != nullptr) return large->for_each(function);
    for (const auto& [row, weight] : rows) function(row, weight);
  }
  /// The sum of the weights. O(1), if the key has many values.
  Int128 total() const {
    if (large != nullptr) return large->total();
    Int128 sum = 0;
    for (const auto& item : rows) sum += item.weight;
    return sum;
  }
};

/// A view of an index whose types are not known.
class IndexViewBase {
 public:
  virtual ~IndexViewBase() = default;
};

/// What others see of an index, or of a state that can serve as one.
template <class K, class V>
class IndexView : public IndexViewBase {
 public:
  /// The values of up to kProbedAtOnce keys with these hashes. Valid until the next change; `made` is memory for values
  /// that are not kept as they are shown, and is valid until it is given again.
  virtual void probe(Slice<const K* const> keys, Slice<const std::uint64_t> hashes, Slice<Match<V>> matches,
                     Batch<V>& made) const = 0;
  /// The same of one key. REQUIRES: `made` is empty.
  virtual Match<V> find(const K& key, std::uint64_t hash, Batch<V>& made) const = 0;
  /// Calls function(key, value, weight) for all of them.
  virtual void for_each(FunctionRef<void(const K&, const V&, Weight)> function) const = 0;
  /// A view that stays as it is, made in O(segments), for any thread to read. When no step runs.
  virtual std::unique_ptr<const IndexView> pin_view() = 0;
};

/// The integral of a keyed stream, held by key: for every key a Z-set of values. Keys without values are not
/// there. Worker-local.
///
/// Cost: O(1) expected for each changed row. State: the distinct rows.
template <class K, class V>
class Index final : public IndexView<K, V> {
 public:
  explicit Index(const IndexLimits& limits = {}) : limits_(limits), table_(limits) {}

  [[gnu::always_inline]] void prefetch(std::uint64_t hash) { table_.prefetch(hash); }

  /// When what prefetch() has asked for is there. For the entry where probes begin, whosever it is: to look for the key
  /// takes guesses that are wrong too often.
  [[gnu::always_inline]] void prefetch_rows(std::uint64_t hash) const {
    table_.home_entry(hash).payload.prefetch_first(table_.segment(hash));
  }

  void add(const K& key, std::uint64_t hash, const V& value, Weight weight) {
    if (weight == 0) return;
    auto* entry = table_.insert(key, hash);
    table_.touch(entry);
    auto& segment = table_.segment(hash);
    const std::size_t capacity_before = segment.arena_capacity();
    const std::size_t rows_before = entry->payload.size();
    const int carry = entry->payload.add(segment, limits_, value, weight, large_bytes_);
    table_.account(segment, capacity_before);
    if (carry != 0) [[unlikely]]
      carries_.note({key, value}, carry);
    if (entry->payload.empty()) {
      table_.erase(entry, hash);
    } else if (entry->payload.size() < rows_before) {
      table_.tidy(hash);
    }
  }

  /// At the end of a step: throws if a weight has left its range.
  void settle() { carries_.settle(); }

  Match<V> find(const K& key, std::uint64_t hash) const {
    const auto* entry = table_.find(key, hash);
    if (entry == nullptr) return {};
    if (const auto* large = entry->payload.large()) return {{}, large};
    return {entry->payload.rows(table_.segment(hash)), nullptr};
  }

  void probe(Slice<const K* const> keys, Slice<const std::uint64_t> hashes, Slice<Match<V>> matches,
             Batch<V>&) const override {
    for (const std::uint64_t hash : hashes) table_.prefetch(hash);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      matches[i] = find(*keys[i], hashes[i]);
      __builtin_prefetch(matches[i].rows.data());
    }
  }

  Match<V> find(const K& key, std::uint64_t hash, Batch<V>&) const override { return find(key, hash); }

  std::size_t keys() const { return table_.size(); }
  std::size_t bytes() const { return table_.bytes() + large_bytes_; }

  void for_each(FunctionRef<void(const K&, const V&, Weight)> function) const override {
    table_.for_each_in({}, [&](const auto& entry, const auto& segment) {
      entry.payload.for_each(segment, [&](const V& value, Weight weight) { function(entry.key, value, weight); });
    });
  }

  /// A copy that stays as it is, made in O(segments), for any thread to read.
  Index pin() { return Index(limits_, table_.pin()); }
  [[gnu::cold]] std::unique_ptr<const IndexView<K, V>> pin_view() override {
    return std::unique_ptr<const IndexView<K, V>>(new Index(limits_, table_.pin()));
  }

  Segments& table() { return table_; }
  [[gnu::cold]] std::unique_ptr<Capture> capture(const SlotSet* changes_of) {
    return capture_table(table_, changes_of, [](Encoder& out, const auto& rows, const auto& segment) {
      out.varint(rows.size());
      rows.for_each(segment, [&](const V& value, Weight weight) {
        row_traits<V>::encode(out, value);
        out.zigzag(weight);
      });
    });
  }
  /// What is said of a key replaces what was said before.
  [[gnu::cold]] void load(Decoder& in) {
    while (!in.at_end()) {
      const K key = row_traits<K>::decode(in);
      const std::uint64_t hash = row_traits<K>::hash(key);
      erase(key, hash);
      for (std::uint64_t rows = in.varint(); rows != 0; --rows) {
        const V value = row_traits<V>::decode(in);
        add(key, hash, value, in.zigzag());
      }
    }
  }

 private:
  using State = HashTable<K, RowsOfKey<V, RowOrder::none, RowsLie::after_tag>, NoMarkButLink>;

  Index(const IndexLimits& limits, State&& table) : limits_(limits), table_(std::move(table)) {}

  [[gnu::cold]] void erase(const K& key, std::uint64_t hash) {
    if (table_.find(key, hash) == nullptr) return;
    auto* entry = table_.insert(key, hash);
    auto& segment = table_.segment(hash);
    const std::size_t capacity_before = segment.arena_capacity();
    entry->payload.clear(segment, large_bytes_);
    table_.account(segment, capacity_before);
    table_.erase(entry, hash);
  }

  IndexLimits limits_;
  State table_;
  std::size_t large_bytes_ = 0;
  Carries<std::pair<K, V>> carries_;
};

}  // namespace lockstep
