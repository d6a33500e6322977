#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "bench/kernels/ahead.hpp"
#include "runtime/rows/traits.hpp"

namespace lockstep::bench {

/// Merges the rows of one step by key before a large table is looked at: a small open-addressing table.
class WeightSums {
 public:
  struct Sum {
    std::uint64_t key;
    std::uint64_t hash;
    Weight weight;
  };

  const std::vector<Sum>& merge(std::span<const Weighted<std::uint64_t>> rows) {
    sums_.clear();
    sums_.reserve(rows.size());
    const std::size_t mask = std::bit_ceil(2 * rows.size()) - 1;
    if (places_.size() <= mask) places_.resize(mask + 1);
    for (const auto& [key, weight] : rows) {
      const std::uint64_t hash = row_traits<std::uint64_t>::hash(key);
      for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
        if (places_[at] < base_) {
          places_[at] = base_ + sums_.size();
          sums_.push_back({key, hash, weight});
          break;
        }
        if (Sum& sum = sums_[places_[at] - base_]; sum.key == key) {
          sum.weight += weight;
          break;
        }
      }
    }
    base_ += sums_.size();
    return sums_;
  }

 private:
  std::vector<std::uint64_t> places_;  // base_ + place in sums_; less: of an earlier step
  std::uint64_t base_ = 1;
  std::vector<Sum> sums_;
};

}  // namespace lockstep::bench
