#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/kernels/large_pages.hpp"

namespace lockstep::bench {

/// Open addressing with linear probing, at most half full, of a size known beforehand. An Entry has a `key` and a
/// `mark`, 0 while it is vacant; nothing is ever erased.
template <class Entry>
class OpenTable {
 public:
  explicit OpenTable(std::size_t keys) : mask_(std::bit_ceil(2 * keys) - 1), entries_(mask_ + 1) {}

  /// Inlined by force, as what calls it must be: GCC 12 drops calls of functions that only prefetch.
  [[gnu::always_inline]] void prefetch(std::uint64_t hash) const { __builtin_prefetch(&entries_[hash & mask_], 1); }

  /// The entry of the key, or the vacant one where it belongs.
  template <class Key>
  Entry& at(const Key& key, std::uint64_t hash) {
    std::size_t at = hash & mask_;
    while (entries_[at].mark != 0 && entries_[at].key != key) at = (at + 1) & mask_;
    return entries_[at];
  }

 private:
  std::size_t mask_;
  std::vector<Entry, LargePages<Entry>> entries_;
};

}  // namespace lockstep::bench
