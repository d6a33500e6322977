#pragma once

#include <memory>
#include <span>
#include <vector>

#include "bench/rows.hpp"
#include "runtime/zset/batch.hpp"

namespace lockstep::bench {

/// Random numbers, the same everywhere (splitmix64).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  static std::uint64_t mixed(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }
  std::uint64_t next() { return mixed(state_ += 0x9e3779b97f4a7c15); }
  /// REQUIRES: bound < 2^32.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>((next() >> 32) * bound >> 32); }

 private:
  std::uint64_t state_;
};

/// The rows pushed into one input, by step.
template <class R>
struct History {
  Batch<R> rows;
  std::vector<std::size_t> ends;  // of steps, in rows

  void end_step() { ends.push_back(rows.size()); }
  std::span<const Weighted<R>> step(std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends[i - 1];
    return {rows.data() + begin, ends[i] - begin};
  }
};
template <class R>
using Shared = std::shared_ptr<const History<R>>;

/// Random keys out of so many; one row in sixteen of weight 2, one of -1.
Shared<std::uint64_t> random_keys(std::size_t keys, std::size_t rows_per_step, std::size_t steps);

/// Values out of so many come and go: one that is there goes in half of the cases.
Shared<std::uint64_t> changing_values(std::size_t values, std::size_t rows_per_step, std::size_t steps);

/// First one step of `preload` insertions; then half insertions, half deletions of rows that are there.
Shared<Item> changing_items(std::uint64_t seed, std::size_t keys, std::size_t preload, std::size_t rows_per_step,
                            std::size_t steps);

/// Random transfers; the first account never gives, the last never receives. Ids ascend, or are shuffled in each step.
enum class Ids { ascending, shuffled };
Shared<Transfer> random_transfers(std::size_t accounts, Ids ids, std::size_t rows_per_step, std::size_t steps);

}  // namespace lockstep::bench
