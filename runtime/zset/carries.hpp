#pragma once

#include "runtime/faults/errors.hpp"
#include "runtime/zset/sorting.hpp"
#include "runtime/zset/weights.hpp"

namespace lockstep {

/// Remembers which rows' weights left the range of Weight while a step was being applied. Weights add modulo 2^64,
/// so a row whose carries cancel is exact after all; any other is an overflow, whatever the order of additions was.
template <class R>
class Carries {
 public:
  void note(const R& row, Int128 carry) {
    if (carry != 0) [[unlikely]]
      carries_.push_back({row, carry});
  }

  /// At the end of the step. Throws if a row's weight is out of range.
  void settle() {
    settle([](const R& row) { throw_overflow("the weight of a row does not fit 64 bits", to_string(row)); });
  }
  /// The same, for sums of another kind: overflow(row) throws.
  template <class Overflow>
  void settle(Overflow&& overflow) {
    if (!carries_.empty()) [[unlikely]]
      judge(overflow);
  }

 private:
  struct Carry {
    R row;
    Int128 carry;
  };

  template <class Overflow>
  [[gnu::cold]] void judge(Overflow& overflow) {
    sort_seldom(carries_, [](const Carry& a, const Carry& b) { return row_traits<R>::compare(a.row, b.row) < 0; });
    for (std::size_t i = 0; i < carries_.size();) {
      const R& row = carries_[i].row;
      Int128 sum = 0;
      for (; i < carries_.size() && row_traits<R>::equal(carries_[i].row, row); ++i) sum += carries_[i].carry;
      if (sum != 0) overflow(row);
    }
    carries_.clear();
  }

  Array<Carry> carries_;
};

}  // namespace lockstep
