#pragma once

#include <bit>
#include <cstdint>
#include <utility>

#include "runtime/graph/edge.hpp"
#include "runtime/rows/traits.hpp"
#include "runtime/zset/array.hpp"
#include "runtime/zset/slice.hpp"

namespace lockstep {

/// The rows of two deltas by key: every key of either, with the rows that each has of it. Worker-local.
///
/// Cost: O(1) expected for each row.
template <class K, class VA, class VB>
class DeltasByKey {
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

 public:
  using RowA = Weighted<std::pair<K, VA>>;
  using RowB = Weighted<std::pair<K, VB>>;

  struct Key {
    const K* key;
    std::uint64_t hash;
    bool has_a() const { return a != kNone; }
    bool has_b() const { return b != kNone; }

   private:
    friend DeltasByKey;
    Key(const K* key, std::uint64_t hash, std::uint32_t next) : key(key), hash(hash), next(next) {}
    std::uint32_t next;       // in its bucket
    std::uint32_t a = kNone;  // its last rows
    std::uint32_t b = kNone;
  };

  /// Rows stay where they are.
  void gather(EdgeReader<std::pair<K, VA>>& a, EdgeReader<std::pair<K, VB>>& b) {
    keys_.clear();
    rows_a_.clear();
    rows_b_.clear();
    const std::size_t rows = a.size() + b.size();
    buckets_.assign(rows <= kFew ? 0 : std::bit_ceil(2 * rows), kNone);
    add(a, rows_a_, &Key::a);
    add(b, rows_b_, &Key::b);
  }

  Slice<const Key> keys() const { return {keys_.data(), keys_.size()}; }
  template <class Function>
  void for_each_a(const Key& key, Function&& function) const {
    for (std::uint32_t at = key.a; at != kNone; at = rows_a_[at].next) function(*rows_a_[at].row);
  }
  template <class Function>
  void for_each_b(const Key& key, Function&& function) const {
    for (std::uint32_t at = key.b; at != kNone; at = rows_b_[at].next) function(*rows_b_[at].row);
  }

 private:
  static constexpr std::size_t kFew = 8;
  static constexpr std::size_t kAhead = 16;

  template <class Row>
  struct Linked {
    const Row* row;
    std::uint32_t next;
  };

  template <class Reader, class Row>
  void add(Reader& delta, Array<Linked<Row>>& rows, std::uint32_t Key::*last) {
    const Slice<const std::uint64_t> hashes = delta.key_hashes();
    std::size_t ordinal = 0;
    std::uint32_t at = kNone;
    for (Slice<const Row> span : delta.spans()) {
      for (const Row& row : span) {
        if (ordinal + kAhead < hashes.size() && buckets_.size() != 0) {
          __builtin_prefetch(&buckets_[hashes[ordinal + kAhead] & (buckets_.size() - 1)], 1);
        }
        const std::uint64_t hash = hashes[ordinal++];
        // Old and new row of a key often stand side by side.
        if (at == kNone || !is(keys_[at], row.row.first, hash)) at = find_or_add(row.row.first, hash);
        const auto added = static_cast<std::uint32_t>(rows.size());
        rows.push_back({&row, std::exchange(keys_[at].*last, added)});
      }
    }
  }

  static bool is(const Key& one, const K& key, std::uint64_t hash) {
    return one.hash == hash && row_traits<K>::equal(*one.key, key);
  }

  std::uint32_t find_or_add(const K& key, std::uint64_t hash) {
    const auto added = static_cast<std::uint32_t>(keys_.size());
    if (buckets_.empty()) {
      for (std::uint32_t at = 0; at < added; ++at) {
        if (is(keys_[at], key, hash)) return at;
      }
      keys_.push_back(Key(&key, hash, kNone));
      return added;
    }
    std::uint32_t& bucket = buckets_[hash & (buckets_.size() - 1)];
    for (std::uint32_t at = bucket; at != kNone; at = keys_[at].next) {
      if (is(keys_[at], key, hash)) return at;
    }
    keys_.push_back(Key(&key, hash, std::exchange(bucket, added)));
    return added;
  }

  Array<Key> keys_;
  Array<Linked<RowA>> rows_a_;
  Array<Linked<RowB>> rows_b_;
  Array<std::uint32_t> buckets_;  // keys by hash; none for few rows
};

}  // namespace lockstep
