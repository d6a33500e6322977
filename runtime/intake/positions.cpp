#include "runtime/intake/positions.hpp"

namespace lockstep {

void Positions::encode(Encoder& out) const {
  out.varint(inputs.size());
  for (const std::string& input : inputs) out.bytes(input);
  out.varint(sessions.size());
  for (const auto& [session, positions] : sessions) {
    out.varint(session);
    for (const std::uint64_t position : positions) out.varint(position);
  }
}

Positions Positions::decode(Decoder& in) {
  Positions positions;
  for (std::uint64_t inputs = in.varint(); inputs != 0; --inputs) positions.inputs.emplace_back(in.bytes());
  for (std::uint64_t sessions = in.varint(); sessions != 0; --sessions) {
    std::vector<std::uint64_t>& one = positions.sessions[in.varint()];
    one.clear();
    for (std::size_t i = 0; i < positions.inputs.size(); ++i) one.push_back(in.varint());
  }
  return positions;
}

}  // namespace lockstep
