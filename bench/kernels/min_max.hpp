#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <utility>

#include "bench/kernels/ahead.hpp"
#include "bench/kernels/open_table.hpp"
#include "bench/kernels/rows.hpp"
#include "bench/rows.hpp"
#include "runtime/rows/traits.hpp"

namespace lockstep::bench {

using MinMaxRow = std::pair<std::uint64_t, std::tuple<std::int64_t, std::int64_t>>;

enum class GroupLayout { sorted, unsorted };

/// min and max per group: each group keeps its values in an array of its own, sorted, or not and looked through when
/// its best value goes.
template <GroupLayout kLayout>
class MinMaxKernel {
 public:
  explicit MinMaxKernel(std::size_t groups) : table_(groups) {}

  void run(std::span<const Weighted<Item>> rows, Rows<MinMaxRow>& out) {
    constexpr std::size_t kDistance = 16;
    out.begin(2 * rows.size());
    touched_.clear();
    // Two stages: the entries, then the arrays that they name.
    hashes_.resize(rows.size() + 2 * kDistance);
    for (std::size_t i = 0; i < rows.size() + 2 * kDistance; ++i) {
      if (i < rows.size()) table_.prefetch(hashes_[i] = row_traits<std::uint64_t>::hash(rows[i].row.key));
      if (i >= kDistance && i - kDistance < rows.size()) {
        const std::size_t next = i - kDistance;
        const Entry& entry = table_.at(rows[next].row.key, hashes_[next]);
        for (std::size_t value = 0; value < entry.size; value += 4) __builtin_prefetch(entry.values + value, 1);
      }
      if (i >= 2 * kDistance) {
        const auto& [row, weight] = rows[i - 2 * kDistance];
        add(table_.at(row.key, hashes_[i - 2 * kDistance]), row, weight);
      }
    }
    for (const Touched& one : touched_) emit(one, out);
    base_ += touched_.size();
  }

 private:
  struct Value {
    std::int64_t value;
    Weight weight;
  };
  struct Entry {
    std::uint64_t key = 0;
    Weight total = 0;
    std::uint64_t mark = 0;
    Value* values = nullptr;
    std::uint32_t size = 0;
    std::uint32_t room = 0;
    std::int64_t min = 0;
    std::int64_t max = 0;

    Entry() = default;
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() { std::free(values); }
  };
  struct Touched {
    Entry* entry;
    bool present;
    std::int64_t min;
    std::int64_t max;
  };

  void add(Entry& entry, const Item& row, Weight weight) {
    if (entry.mark < base_) {
      entry.key = row.key;
      entry.mark = base_ + touched_.size();
      touched_.push_back({&entry, entry.total != 0, entry.min, entry.max});
    }
    entry.total += weight;
    Value* at = entry.values;
    Value* const end = entry.values + entry.size;
    if constexpr (kLayout == GroupLayout::sorted) {
      while (at != end && at->value < row.value) ++at;
    } else {
      while (at != end && at->value != row.value) ++at;
    }
    if (at != end && at->value == row.value) {
      if ((at->weight += weight) == 0) remove(entry, at);
    } else {
      insert(entry, at, {row.value, weight});
    }
  }

  static void insert(Entry& entry, Value* at, Value value) {
    if (entry.size == entry.room) {
      const std::ptrdiff_t place = at - entry.values;
      entry.room = entry.room == 0 ? 4 : 2 * entry.room;
      entry.values = static_cast<Value*>(std::realloc(entry.values, entry.room * sizeof(Value)));
      at = entry.values + place;
    }
    if constexpr (kLayout == GroupLayout::sorted) {
      std::memmove(at + 1, at, static_cast<std::size_t>(entry.values + entry.size - at) * sizeof(Value));
      *at = value;
      ++entry.size;
      bounds(entry);
    } else {
      *at = value;
      entry.min = entry.size == 0 ? value.value : std::min(entry.min, value.value);
      entry.max = entry.size == 0 ? value.value : std::max(entry.max, value.value);
      ++entry.size;
    }
  }

  static void remove(Entry& entry, Value* at) {
    const std::int64_t gone = at->value;
    --entry.size;
    if constexpr (kLayout == GroupLayout::sorted) {
      std::memmove(at, at + 1, static_cast<std::size_t>(entry.values + entry.size - at) * sizeof(Value));
      if (entry.size != 0) bounds(entry);
    } else {
      *at = entry.values[entry.size];
      if (entry.size == 0 || (gone != entry.min && gone != entry.max)) return;
      entry.min = entry.max = entry.values[0].value;
      for (std::uint32_t i = 1; i < entry.size; ++i) {
        entry.min = std::min(entry.min, entry.values[i].value);
        entry.max = std::max(entry.max, entry.values[i].value);
      }
    }
  }

  static void bounds(Entry& entry) {
    entry.min = entry.values[0].value;
    entry.max = entry.values[entry.size - 1].value;
  }

  static void emit(const Touched& before, Rows<MinMaxRow>& out) {
    const Entry& now = *before.entry;
    const bool present = now.total != 0;
    if (present == before.present && (!present || (now.min == before.min && now.max == before.max))) return;
    if (before.present) out.add({now.key, {before.min, before.max}}, -1);
    if (present) out.add({now.key, {now.min, now.max}}, 1);
  }

  OpenTable<Entry> table_;
  std::uint64_t base_ = 1;
  std::vector<std::uint64_t> hashes_;
  std::vector<Touched> touched_;
};

}  // namespace lockstep::bench
