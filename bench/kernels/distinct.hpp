#pragma once

#include "bench/kernels/ahead.hpp"
#include "bench/kernels/open_table.hpp"
#include "bench/kernels/rows.hpp"
#include "bench/kernels/weight_sums.hpp"
#include "runtime/rows/traits.hpp"

namespace lockstep::bench {

struct DistinctEntry {
  std::uint64_t key = 0;
  Weight weight = 0;
  /// Less than this step's base: not touched in it. Else base + its place among the touched.
  std::uint64_t mark = 0;
};

/// distinct, touched entries marked: each is listed with its weight before and after.
class DistinctByMarks {
 public:
  explicit DistinctByMarks(std::size_t values) : table_(values) {}

  void run(std::span<const Weighted<std::uint64_t>> rows, Rows<std::uint64_t>& out) {
    out.begin(rows.size() + 1);
    if (touched_.size() < rows.size()) touched_.resize(rows.size());
    std::size_t size = 0;
    for_each_ahead<Ahead::prefetch>(
        rows, [](std::uint64_t value) { return row_traits<std::uint64_t>::hash(value); },
        [this](std::uint64_t hash) __attribute__((always_inline)) { table_.prefetch(hash); },
        [&](std::uint64_t value, std::uint64_t hash, Weight weight) {
          DistinctEntry& entry = table_.at(value, hash);
          if (entry.mark < base_) {
            entry.key = value;
            entry.mark = base_ + size;
            touched_[size++] = {value, entry.weight, entry.weight};
          }
          entry.weight += weight;
          touched_[entry.mark - base_].after = entry.weight;
        });
    for (std::size_t i = 0; i < size; ++i) {
      const Touched& one = touched_[i];
      // No branch: which rows change is as good as random.
      const int change = static_cast<int>(one.after > 0) - static_cast<int>(one.before > 0);
      out[out.size()] = {one.value, change};
      out.resize(out.size() + static_cast<std::size_t>(change != 0));
    }
    base_ += size;
  }

 private:
  struct Touched {
    std::uint64_t value;
    Weight before;
    Weight after;
  };
  OpenTable<DistinctEntry> table_;
  std::uint64_t base_ = 1;
  std::vector<Touched> touched_;
};

/// distinct, the step's rows merged first.
class DistinctMerged {
 public:
  explicit DistinctMerged(std::size_t values) : table_(values) {}

  void run(std::span<const Weighted<std::uint64_t>> rows, Rows<std::uint64_t>& out) {
    constexpr std::size_t kDistance = 32;
    out.begin(rows.size() + 1);
    const auto& sums = merged_.merge(rows);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (i + kDistance < sums.size()) table_.prefetch(sums[i + kDistance].hash);
      DistinctEntry& entry = table_.at(sums[i].key, sums[i].hash);
      const bool before = entry.weight > 0;
      entry.key = sums[i].key;
      entry.mark = 1;
      entry.weight += sums[i].weight;
      const int change = static_cast<int>(entry.weight > 0) - static_cast<int>(before);
      out[out.size()] = {entry.key, change};
      out.resize(out.size() + static_cast<std::size_t>(change != 0));
    }
  }

 private:
  OpenTable<DistinctEntry> table_;
  WeightSums merged_;
};

}  // namespace lockstep::bench
