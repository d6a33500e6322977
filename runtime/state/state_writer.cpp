#include "runtime/state/state_writer.hpp"

#include <algorithm>

namespace lockstep {

StateWriter::StateWriter(SlotRange range) : range_(range), slots_(range.end - range.first) {}
StateWriter::StateWriter(StateWriter&& other) noexcept = default;
StateWriter::~StateWriter() = default;

Encoder StateWriter::at(std::uint64_t hash) {
  Slot& slot = slots_[slot_of(hash) - range_.first];
  ++slot.items;
  return Encoder(slot.bytes);
}

std::uint64_t StateWriter::items() const {
  std::uint64_t sum = 0;
  for (const Slot& slot : slots_) sum += slot.items;
  return sum;
}

void StateWriter::append(const StateWriter& other) {
  const unsigned end = std::min(range_.end, other.range_.end);
  for (unsigned slot = std::max(range_.first, other.range_.first); slot < end; ++slot) {
    const Slot& from = other.slots_[slot - other.range_.first];
    slots_[slot - range_.first].bytes.append(from.bytes);
    slots_[slot - range_.first].items += from.items;
  }
}

}  // namespace lockstep
