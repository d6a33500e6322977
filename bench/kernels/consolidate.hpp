#pragma once

#include <bit>
#include <vector>

#include "bench/kernels/rows.hpp"
#include "runtime/rows/traits.hpp"

namespace lockstep::bench {

/// Merges equal rows as they are written, by a hash that the caller has: of the row, or of a part of it.
template <class R>
class Merge {
 public:
  void begin(std::size_t rows) {
    mask_ = std::bit_ceil(2 * rows) - 1;
    if (slots_.size() <= mask_) slots_.resize(mask_ + 1);
    ++step_;
    zeros_ = false;
  }

  void add(const R& row, std::uint64_t hash, Weight weight, Rows<R>& out) {
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    for (std::size_t at = hash & mask_;; at = (at + 1) & mask_) {
      Slot& slot = slots_[at];
      if (slot.step != step_) {
        slot = {step_, static_cast<std::uint32_t>(out.size()), tag};
        zeros_ |= weight == 0;
        out.add(row, weight);
        return;
      }
      if (slot.tag == tag && row_traits<R>::equal(out[slot.place].row, row)) {
        zeros_ |= (out[slot.place].weight += weight) == 0;
        return;
      }
    }
  }

  /// Rows of weight 0 vanish.
  void finish(Rows<R>& out) {
    if (!zeros_) return;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (out[i].weight != 0) out[kept++] = out[i];
    }
    out.resize(kept);
  }

 private:
  struct Slot {
    std::uint32_t step = 0;
    std::uint32_t place = 0;
    std::uint32_t tag = 0;
  };
  std::size_t mask_ = 0;
  std::vector<Slot> slots_;
  std::uint32_t step_ = 0;
  bool zeros_ = false;
};

}  // namespace lockstep::bench
