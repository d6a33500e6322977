#include "runtime/state/state_writer.hpp"

namespace lockstep {

StateWriter::StateWriter(SlotRange range) : range_(range), blocks_((range.end - range.first + kBlock - 1) / kBlock) {}
StateWriter::StateWriter(StateWriter&& other) noexcept = default;
StateWriter::~StateWriter() = default;

Encoder StateWriter::at(std::uint64_t hash) {
  Slot& written = slot(slot_of(hash));
  ++written.items;
  return Encoder(written.bytes);
}

std::uint64_t StateWriter::items() const {
  std::uint64_t sum = 0;
  for_each_slot([&](unsigned, const Slot& one) { sum += one.items; });
  return sum;
}

void StateWriter::append(const StateWriter& other) {
  other.for_each_slot([this](unsigned number, const Slot& from) {
    if (number < range_.first || number >= range_.end) return;
    slot(number).bytes.append(from.bytes);
    slot(number).items += from.items;
  });
}

}  // namespace lockstep
