#pragma once

#include "bench/kernels/count.hpp"
#include "bench/rows.hpp"

namespace lockstep::bench {

/// map → filter → count by key in one loop, touched entries marked.
class ChainMarked {
 public:
  explicit ChainMarked(std::size_t keys) : counts_(keys) {}

  void run(std::span<const Weighted<Item>> rows, Rows<CountRow>& out) {
    counts_.begin(rows.size(), out);
    for (const auto& [row, weight] : rows) {
      const Item mapped = bucketed(row);
      if (passes(mapped)) counts_.add(mapped.key, row_traits<std::uint64_t>::hash(mapped.key), weight, out);
    }
    counts_.finish(out);
  }

 private:
  CountByMarks<Ahead::none> counts_;
};

/// The same with a small table for the step's sums, which are counted afterwards.
class ChainMerged {
 public:
  explicit ChainMerged(std::size_t keys) : counts_(keys) {}

  void run(std::span<const Weighted<Item>> rows, Rows<CountRow>& out) {
    std::size_t size = 0;
    if (passed_.size() < rows.size()) passed_.resize(rows.size());
    for (const auto& [row, weight] : rows) {
      const Item mapped = bucketed(row);
      // Written in any case and kept if it passes: no branch to guess.
      passed_[size] = {mapped.key, weight};
      size += static_cast<std::size_t>(passes(mapped));
    }
    counts_.run({passed_.data(), size}, out);
  }

 private:
  CountMerged counts_;
  Batch<std::uint64_t> passed_;
};

}  // namespace lockstep::bench
