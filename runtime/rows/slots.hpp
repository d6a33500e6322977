#pragma once

#include <cstdint>

namespace lockstep {

/// State belongs to slots, ranges of the key hash; slots belong to workers. The number is part of saved state.
inline constexpr unsigned kSlotBits = 10;
inline constexpr unsigned kSlots = 1U << kSlotBits;

constexpr unsigned slot_of(std::uint64_t hash) { return static_cast<unsigned>(hash >> (64 - kSlotBits)); }

/// Which worker owns a slot: contiguous ranges, as even as can be.
constexpr unsigned worker_of_slot(unsigned slot, unsigned workers) { return slot * workers >> kSlotBits; }

/// The first slot that a worker owns, if it owns any; of the one behind the last worker, kSlots.
constexpr unsigned first_slot_of(unsigned worker, unsigned workers) {
  return (worker * kSlots + workers - 1) / workers;
}

}  // namespace lockstep
