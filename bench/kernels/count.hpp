#pragma once

#include <utility>

#include "bench/kernels/ahead.hpp"
#include "bench/kernels/open_table.hpp"
#include "bench/kernels/rows.hpp"
#include "bench/kernels/weight_sums.hpp"
#include "runtime/rows/traits.hpp"

namespace lockstep::bench {

using CountRow = std::pair<std::uint64_t, std::int64_t>;

struct CountEntry {
  std::uint64_t key = 0;
  std::int64_t count = 0;
  /// Less than this step's base: not touched in it. Else base + the place of its old row.
  std::uint64_t mark = 0;
};

/// Keyed count, touched entries marked: an entry's first row of a step writes its old and new row, later ones change
/// the new row. At the end, pairs that say nothing are dropped.
template <Ahead kAhead>
class CountByMarks {
 public:
  explicit CountByMarks(std::size_t keys) : table_(keys) {}

  void run(std::span<const Weighted<std::uint64_t>> rows, Rows<CountRow>& out) {
    begin(rows.size(), out);
    for_each_ahead<kAhead>(
        rows, [](std::uint64_t key) { return row_traits<std::uint64_t>::hash(key); },
        [this](std::uint64_t hash) __attribute__((always_inline)) { table_.prefetch(hash); },
        [&](std::uint64_t key, std::uint64_t hash, Weight weight) { add(key, hash, weight, out); });
    finish(out);
  }

  void begin(std::size_t rows, Rows<CountRow>& out) { out.begin(2 * rows); }

  void add(std::uint64_t key, std::uint64_t hash, Weight weight, Rows<CountRow>& out) {
    CountEntry& entry = table_.at(key, hash);
    if (entry.mark >= base_) {
      out[entry.mark - base_ + 1].row.second += weight;
    } else {
      entry.key = key;
      entry.mark = base_ + out.size();
      out.add({key, entry.count}, -1);
      out.add({key, entry.count + weight}, 1);
    }
    entry.count += weight;
  }

  void finish(Rows<CountRow>& out) {
    const std::size_t size = out.size();
    base_ += size;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < size; i += 2) {
      const std::int64_t before = out[i].row.second;
      const std::int64_t after = out[i + 1].row.second;
      if (before == after) continue;
      if (before != 0) out[kept++] = out[i];
      if (after != 0) out[kept++] = out[i + 1];
    }
    out.resize(kept);
  }

 private:
  OpenTable<CountEntry> table_;
  std::uint64_t base_ = 1;
};

/// Keyed count, the step's rows merged by key first, so that the table is touched once per key.
class CountMerged {
 public:
  explicit CountMerged(std::size_t keys) : table_(keys) {}

  void run(std::span<const Weighted<std::uint64_t>> rows, Rows<CountRow>& out) {
    constexpr std::size_t kDistance = 32;
    out.begin(2 * rows.size());
    const auto& sums = merged_.merge(rows);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (i + kDistance < sums.size()) table_.prefetch(sums[i + kDistance].hash);
      if (sums[i].weight == 0) continue;
      CountEntry& entry = table_.at(sums[i].key, sums[i].hash);
      entry.key = sums[i].key;
      entry.mark = 1;
      if (entry.count != 0) out.add({entry.key, entry.count}, -1);
      entry.count += sums[i].weight;
      if (entry.count != 0) out.add({entry.key, entry.count}, 1);
    }
  }

 private:
  OpenTable<CountEntry> table_;
  WeightSums merged_;
};

}  // namespace lockstep::bench
