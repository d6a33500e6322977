#pragma once

#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "runtime/batch.hpp"
#include "runtime/errors.hpp"
#include "runtime/weight_table.hpp"
#include "runtime/self_test.hpp"

namespace lockstep {

/// Makes a batch a Z-set: equal rows become one, rows of weight zero vanish. Keeps the memory that it needs.
/// Throws (as RowError) if a weight does not fit. O(n); rows in order cost one comparison each.
template <class R>
class Consolidator {
 public:
  void consolidate(Batch<R>& rows) {
    if (planted(Bug::consolidation_overlooks_equal_rows)) return;
    if (rows.size() <= kFew) {
      merge_few(rows);
    } else if (const std::size_t ordered = ordered_prefix(rows); ordered == rows.size()) {
      merge_neighbours(rows);
    } else {
      merge_by_hash(rows);
    }
    settle(rows);
    std::erase_if(rows, [](const Weighted<R>& item) { return item.weight == 0; });
  }

 private:
  static constexpr std::size_t kFew = 8;

  static std::size_t ordered_prefix(const Batch<R>& rows) {
    std::size_t i = 1;
    while (i < rows.size() && row_traits<R>::compare(rows[i - 1].row, rows[i].row) <= 0) ++i;
    return i;
  }

  void add(Batch<R>& rows, std::size_t to, Weight weight) {
    const int carry = add_weight(rows[to].weight, weight);
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
    rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(kept), rows.end());
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
    rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(kept), rows.end());
  }

  /// An open-addressed table of places in `rows`; a slot is the top half of the hash and 1 + the place.
  void merge_by_hash(Batch<R>& rows) {
    reached(Place::consolidated_by_hash);
    const std::size_t mask = std::bit_ceil(rows.size() * 2) - 1;
    slots_.assign(mask + 1, Slot{0, 0});
    std::size_t kept = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::uint64_t hash = row_traits<R>::hash(rows[i].row);
      const auto tag = static_cast<std::uint32_t>(hash >> 32);
      std::size_t at = hash & mask;
      while (slots_[at].place != 0 &&
             !(slots_[at].tag == tag && row_traits<R>::equal(rows[slots_[at].place - 1].row, rows[i].row))) {
        at = (at + 1) & mask;
      }
      if (slots_[at].place != 0) {
        add(rows, slots_[at].place - 1, rows[i].weight);
      } else {
        keep(rows, i, kept++);
        slots_[at] = {tag, static_cast<std::uint32_t>(kept)};
      }
    }
    rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(kept), rows.end());
  }

  void settle(const Batch<R>& rows) {
    if (carries_.empty()) [[likely]]
      return;
    std::sort(carries_.begin(), carries_.end());
    for (std::size_t i = 0; i < carries_.size();) {
      const std::size_t place = carries_[i].first;
      std::int64_t sum = 0;
      for (; i < carries_.size() && carries_[i].first == place; ++i) sum += carries_[i].second;
      if (sum != 0) throw_overflow("the weight of a row does not fit 64 bits", to_string(rows[place].row));
    }
    carries_.clear();
  }

  struct Slot {
    std::uint32_t tag;
    std::uint32_t place;
  };
  std::vector<Slot> slots_;
  std::vector<std::pair<std::size_t, int>> carries_;
};

}  // namespace lockstep
