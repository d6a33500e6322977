#pragma once

#include "runtime/rows/traits.hpp"
#include "runtime/zset/array.hpp"
#include "runtime/zset/sorting.hpp"
#include "runtime/zset/weights.hpp"

namespace lockstep {

/// Rows with weights, in any order, possibly with equal rows more than once: a Z-set that is still to be
/// consolidated.
template <class R>
using Batch = Array<Weighted<R>>;

template <class R>
void sort_rows(Batch<R>& rows) {
  sort_seldom(rows,
              [](const Weighted<R>& a, const Weighted<R>& b) { return row_traits<R>::compare(a.row, b.row) < 0; });
}

}  // namespace lockstep
