#include "runtime/state/state_writer.hpp"

namespace lockstep {

StateWriter::StateWriter(SlotRange range) : range_(range), slots_(range.end - range.first) {}
StateWriter::StateWriter(StateWriter&& other) noexcept = default;
StateWriter::~StateWriter() = default;

Encoder StateWriter::at(std::uint64_t hash) { return Encoder(slots_[slot_of(hash) - range_.first]); }

void StateWriter::append(unsigned slot, std::string_view items) { slots_[slot - range_.first].append(items); }

}  // namespace lockstep
