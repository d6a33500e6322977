#pragma once

#include <cstdint>

#include "runtime/rows/traits.hpp"

namespace lockstep {

/// State belongs to slots, ranges of the key hash; slots belong to workers. The number is part of saved state.
inline constexpr unsigned kSlotBits = 10;
inline constexpr unsigned kSlots = 1U << kSlotBits;

constexpr unsigned slot_of(std::uint64_t hash) { return static_cast<unsigned>(hash >> (64 - kSlotBits)); }

/// Which worker owns a slot: contiguous ranges, as even as can be.
constexpr unsigned worker_of_slot(unsigned slot, unsigned workers) { return slot * workers >> kSlotBits; }

/// The hash of a row in a state whose rows lie by row.
struct RowHash {
  template <class R>
  std::uint64_t operator()(const R& row) const {
    return row_traits<R>::hash(row);
  }
};

/// The hash of a row in a state whose rows lie by key: in the key's slot, and within it spread by the whole row.
struct KeyedRowHash {
  template <class R>
  std::uint64_t operator()(const R& row) const {
    using K = std::remove_cvref_t<decltype(row.first)>;
    constexpr std::uint64_t kSlotMask = ~(~std::uint64_t{0} >> kSlotBits);
    return (row_traits<K>::hash(row.first) & kSlotMask) | (row_traits<R>::hash(row) >> kSlotBits);
  }
};

}  // namespace lockstep
