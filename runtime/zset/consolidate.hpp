#pragma once

#include <array>
#include <bit>
#include <utility>

#include "runtime/faults/errors.hpp"
#include "runtime/zset/batch.hpp"
#include "runtime/zset/sorting.hpp"

namespace lockstep {

struct ConsolidatorBucket {
  std::uint32_t tag;
  std::uint32_t place;
};
/// Of the row at a place.
struct ConsolidatorCarry {
  std::size_t place;
  int carry;
};

/// Makes a batch a Z-set: equal rows become one, rows of weight zero vanish. Keeps the memory that it needs.
/// Throws (as RowError) if a weight does not fit. O(n); rows in order cost one comparison each.
template <class R>
class Consolidator {
 public:
  void consolidate(Batch<R>& rows) {
    if (is_consolidated(rows)) return;
    if (rows.size() <= kFew) {
      merge_few(rows);
    } else if (is_ordered(rows)) {
      merge_neighbours(rows);
    } else {
      merge_by_hash(rows);
    }
    if (!carries_.empty()) [[unlikely]]
      settle(rows);
    rows.erase_if([](const Weighted<R>& item) { return item.weight == 0; });
  }

 private:
  static constexpr std::size_t kFew = 8;
  static constexpr std::size_t kBlock = 32;

  /// Whether that can be seen in one pass: rows strictly in order, as when they are numbered.
  static bool is_consolidated(const Batch<R>& rows) {
    if (rows.empty()) return true;
    std::size_t i = 1;
    while (i < rows.size() && rows[i].weight != 0 && row_traits<R>::compare(rows[i - 1].row, rows[i].row) < 0) ++i;
    return i == rows.size() && rows[0].weight != 0;
  }

  static bool is_ordered(const Batch<R>& rows) {
    std::size_t i = 1;
    while (i < rows.size() && row_traits<R>::compare(rows[i - 1].row, rows[i].row) <= 0) ++i;
    return i == rows.size();
  }

  void add(Batch<R>& rows, std::size_t to, Weight weight) {
    const int carry = add_wrapping(rows[to].weight, weight);
    if (carry != 0) [[unlikely]]
      carries_.push_back({to, carry});
  }

  static void keep(Batch<R>& rows, std::size_t from, std::size_t to) {
    if (from != to) rows[to] = std::move(rows[from]);
  }

  void merge_few(Batch<R>& rows) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::size_t same = 0;
      while (same < kept && !row_traits<R>::equal(rows[same].row, rows[i].row)) ++same;
      same < kept ? add(rows, same, rows[i].weight) : keep(rows, i, kept++);
    }
    rows.truncate(kept);
  }

  void merge_neighbours(Batch<R>& rows) {
    std::size_t kept = 1;
    for (std::size_t i = 1; i < rows.size(); ++i) {
      if (row_traits<R>::equal(rows[kept - 1].row, rows[i].row)) {
        add(rows, kept - 1, rows[i].weight);
      } else {
        keep(rows, i, kept++);
      }
    }
    rows.truncate(kept);
  }

  /// An open-addressed table of places in `rows`; a bucket is the top half of the hash and 1 + the place. Hashes are
  /// computed a block ahead, and their buckets fetched.
  void merge_by_hash(Batch<R>& rows) {
    const std::size_t mask = std::bit_ceil(rows.size() * 2) - 1;
    buckets_.assign(mask + 1, Bucket{0, 0});
    std::array<std::uint64_t, kBlock> hashes;
    std::size_t kept = 0;
    for (std::size_t begin = 0; begin < rows.size(); begin += kBlock) {
      const std::size_t count = std::min(kBlock, rows.size() - begin);
      for (std::size_t i = 0; i < count; ++i) {
        hashes[i] = row_traits<R>::hash(rows[begin + i].row);
        __builtin_prefetch(&buckets_[hashes[i] & mask], 1);
      }
      for (std::size_t i = 0; i < count; ++i) kept += merge_one(rows, begin + i, kept, hashes[i], mask);
    }
    rows.truncate(kept);
  }

  /// Whether the row is new, and so kept.
  bool merge_one(Batch<R>& rows, std::size_t from, std::size_t kept, std::uint64_t hash, std::size_t mask) {
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    std::size_t at = hash & mask;
    for (; buckets_[at].place != 0; at = (at + 1) & mask) {
      if (buckets_[at].tag == tag && row_traits<R>::equal(rows[buckets_[at].place - 1].row, rows[from].row)) {
        add(rows, buckets_[at].place - 1, rows[from].weight);
        return false;
      }
    }
    keep(rows, from, kept);
    buckets_[at] = {tag, static_cast<std::uint32_t>(kept + 1)};
    return true;
  }

  [[gnu::cold]] void settle(const Batch<R>& rows) {
    sort_seldom(carries_, [](const Carry& a, const Carry& b) { return a.place < b.place; });
    for (std::size_t i = 0; i < carries_.size();) {
      const std::size_t place = carries_[i].place;
      std::int64_t sum = 0;
      for (; i < carries_.size() && carries_[i].place == place; ++i) sum += carries_[i].carry;
      if (sum != 0) throw_overflow("the weight of a row does not fit 64 bits", to_string(rows[place].row));
    }
    carries_.clear();
  }

  using Bucket = ConsolidatorBucket;
  using Carry = ConsolidatorCarry;
  Array<Bucket> buckets_;
  Array<Carry> carries_;
};

}  // namespace lockstep
