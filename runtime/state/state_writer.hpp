#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/rows/bytes.hpp"
#include "runtime/rows/slots.hpp"

namespace lockstep {

/// Slots [first, end): a range of the key hash. All, by default.
struct SlotRange {
  unsigned first = 0;
  unsigned end = kSlots;

  bool has(std::uint64_t hash) const { return first <= slot_of(hash) && slot_of(hash) < end; }
  std::uint64_t lowest_hash() const { return std::uint64_t{first} << (64 - kSlotBits); }
  std::uint64_t highest_hash() const {
    return (std::uint64_t{end - 1} << (64 - kSlotBits)) | ~std::uint64_t{0} >> kSlotBits;
  }
};

using SlotSet = std::bitset<kSlots>;

/// Where a state is written, in one pass over it: each item at the hash of the key that it belongs to, in any order. An
/// item of no bytes is not written.
class StateWriter {
 public:
  /// Items out of the range must not be given.
  explicit StateWriter(SlotRange range = {});
  StateWriter(StateWriter&& other) noexcept;
  StateWriter& operator=(StateWriter&&) = delete;
  ~StateWriter();

  const SlotRange& range() const { return range_; }
  std::uint64_t items() const;
  /// Where to write an item. Valid until the next call.
  Encoder at(std::uint64_t hash);
  /// What another writer was given, but for what is out of range.
  void append(const StateWriter& other);

  /// Calls function(slot, items) for each slot that has any, in order.
  template <class Function>
  void for_each(Function&& function) const {
    for_each_slot([&](unsigned number, const Slot& slot) { function(number, std::string_view(slot.bytes)); });
  }

 private:
  struct Slot {
    std::string bytes;
    std::uint64_t items = 0;
  };

  /// Memory is taken for so many at once, when one of them gets something: there may be thousands of writers.
  static constexpr unsigned kBlock = 32;

  Slot& slot(unsigned number) {
    std::vector<Slot>& block = blocks_[(number - range_.first) / kBlock];
    if (block.empty()) block.resize(kBlock);
    return block[(number - range_.first) % kBlock];
  }
  template <class Function>
  void for_each_slot(Function&& function) const {
    for (unsigned i = 0; i < blocks_.size() * kBlock; ++i) {
      const std::vector<Slot>& block = blocks_[i / kBlock];
      if (!block.empty() && !block[i % kBlock].bytes.empty()) function(range_.first + i, block[i % kBlock]);
    }
  }

  SlotRange range_;
  std::vector<std::vector<Slot>> blocks_;
};

}  // namespace lockstep
