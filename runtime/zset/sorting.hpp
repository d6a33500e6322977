#pragma once

#include <cstdint>

#include "runtime/zset/array.hpp"

namespace lockstep {

using LessOfPlaces = bool (*)(const void* context, std::uint32_t a, std::uint32_t b);
/// Makes `order` the numbers below `count` in the order of `less`.
void sort_places(Array<std::uint32_t>& order, std::size_t count, const void* context, LessOfPlaces less);

/// Sorts what is sorted seldom, or is little: std::sort, compiled once for all types. Keeps the memory that it needs.
/// O(n log n), with a call for each comparison.
template <class T>
class SeldomSorter {
 public:
  template <class Less>
  void sort(Array<T>& items, const Less& less) {
    const auto less_of_places = [&](std::uint32_t a, std::uint32_t b) { return less(items[a], items[b]); };
    using LessOf = decltype(less_of_places);
    sort_places(order_, items.size(), &less_of_places, [](const void* context, std::uint32_t a, std::uint32_t b) {
      return static_cast<bool>((*static_cast<const LessOf*>(context))(a, b));
    });
    sorted_.clear();
    sorted_.reserve(items.size());
    for (const std::uint32_t at : order_) sorted_.push_back(std::move(items[at]));
    items.swap(sorted_);
  }

 private:
  Array<std::uint32_t> order_;
  Array<T> sorted_;
};

/// The same, with memory of its own.
template <class T, class Less>
void sort_seldom(Array<T>& items, const Less& less) {
  SeldomSorter<T>().sort(items, less);
}

}  // namespace lockstep
