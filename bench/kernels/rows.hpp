#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "runtime/zset/weights.hpp"

namespace lockstep::bench {

/// What a kernel writes: rows with weights, in memory that it keeps from step to step.
template <class R>
class Rows {
 public:
  /// Empty, with room for so many rows.
  void begin(std::size_t room) {
    if (rows_.size() < room) rows_.resize(room);
    end_ = rows_.data();
  }
  Weighted<R>* data() { return rows_.data(); }
  std::size_t size() const { return static_cast<std::size_t>(end_ - rows_.data()); }
  void add(const R& row, Weight weight) { *end_++ = {row, weight}; }
  void resize(std::size_t size) { end_ = rows_.data() + size; }
  Weighted<R>& operator[](std::size_t i) { return rows_[i]; }

  std::span<const Weighted<R>> span() const { return {rows_.data(), size()}; }

 private:
  std::vector<Weighted<R>> rows_ = std::vector<Weighted<R>>(1);
  Weighted<R>* end_ = rows_.data();
};

}  // namespace lockstep::bench
