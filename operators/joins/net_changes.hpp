#pragma once

#include <cstddef>

#include "runtime/rows/traits.hpp"
#include "runtime/zset/array.hpp"
#include "runtime/zset/sorting.hpp"
#include "runtime/zset/weights.hpp"

namespace lockstep {

/// What a step changes of the values of one key: each value once, and only those whose weight changes. Few values are
/// compared with each other, many are sorted.
template <class V>
class NetChanges {
 public:
  struct Change {
    const V* value;
    Int128 delta;
    /// The weight after the step, if somebody has noted it.
    Weight after = 0;
  };

  void clear() { list_.clear(); }
  void add(const V& value, Weight weight) { list_.push_back({&value, weight}); }

  /// After the last add(): adds up.
  void settle() {
    if (list_.size() <= kFew) {
      merge_few();
    } else {
      merge_sorted();
    }
    list_.erase_if([](const Change& change) { return change.delta == 0; });
  }

  bool empty() const { return list_.empty(); }
  const Change* begin() const { return list_.begin(); }
  const Change* end() const { return list_.end(); }

  /// The change of a value, or null.
  Change* find(const V& value) {
    if (list_.size() <= kFew) {
      for (Change& change : list_) {
        if (row_traits<V>::equal(*change.value, value)) return &change;
      }
      return nullptr;
    }
    std::size_t low = 0;
    std::size_t high = list_.size();
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (row_traits<V>::compare(*list_[middle].value, value) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < list_.size() && row_traits<V>::equal(*list_[low].value, value) ? &list_[low] : nullptr;
  }

 private:
  static constexpr std::size_t kFew = 8;

  void merge_few() {
    std::size_t kept = 0;
    for (const Change& change : list_) {
      std::size_t same = 0;
      while (same < kept && !row_traits<V>::equal(*list_[same].value, *change.value)) ++same;
      if (same < kept) {
        list_[same].delta += change.delta;
      } else {
        list_[kept++] = change;
      }
    }
    list_.truncate(kept);
  }

  void merge_sorted() {
    sorter_.sort(list_,
                 [](const Change& a, const Change& b) { return row_traits<V>::compare(*a.value, *b.value) < 0; });
    std::size_t kept = 0;
    for (const Change& change : list_) {
      if (kept != 0 && row_traits<V>::equal(*list_[kept - 1].value, *change.value)) {
        list_[kept - 1].delta += change.delta;
      } else {
        list_[kept++] = change;
      }
    }
    list_.truncate(kept);
  }

  Array<Change> list_;
  SeldomSorter<Change> sorter_;
};

}  // namespace lockstep
