#include "runtime/zset/sorting.hpp"

#include <algorithm>
#include <numeric>

namespace lockstep {

void sort_places(Array<std::uint32_t>& order, std::size_t count, const void* context, LessOfPlaces less) {
  order.resize(count);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return less(context, a, b); });
}

}  // namespace lockstep
