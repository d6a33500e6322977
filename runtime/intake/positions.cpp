#include "runtime/intake/positions.hpp"

#include "runtime/rows/codec.hpp"

namespace lockstep {

void Positions::leave_out(const std::set<std::uint32_t>& gone) {
  for (auto input = gone.rbegin(); input != gone.rend(); ++input) {
    inputs.erase(inputs.begin() + *input);
    for (auto& [number, session] : sessions) session.rows.erase(session.rows.begin() + *input);
  }
}

void Positions::encode(Encoder& out) const {
  out.varint(inputs.size());
  for (const std::string& input : inputs) out.bytes(input);
  out.varint(sessions.size());
  for (const auto& [number, session] : sessions) {
    out.varint(number);
    for (const std::uint64_t rows : session.rows) out.varint(rows);
    out.byte(session.cursor.has_value());
    if (session.cursor) out.varint(*session.cursor);
  }
}

Positions Positions::decode(Decoder& in) {
  Positions positions;
  for (std::uint64_t inputs = in.varint(); inputs != 0; --inputs) positions.inputs.emplace_back(in.bytes());
  for (std::uint64_t sessions = in.varint(); sessions != 0; --sessions) {
    OfSession& session = positions.sessions[in.varint()];
    session.rows.clear();
    for (std::size_t i = 0; i < positions.inputs.size(); ++i) session.rows.push_back(in.varint());
    if (derived::decode_flag(in)) session.cursor = in.varint();
  }
  return positions;
}

}  // namespace lockstep
