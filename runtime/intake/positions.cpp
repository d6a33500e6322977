#include "runtime/intake/positions.hpp"

#include "runtime/rows/codec.hpp"

namespace lockstep {

std::vector<std::string> Positions::names() const {
  std::vector<std::string> names;
  for (const Input& input : inputs) names.push_back(input.name);
  return names;
}

void Positions::leave_out(const std::set<std::uint32_t>& gone) {
  for (auto input = gone.rbegin(); input != gone.rend(); ++input) {
    inputs.erase(inputs.begin() + *input);
    for (auto& [number, session] : sessions) session.inputs.erase(session.inputs.begin() + *input);
  }
}

void Positions::encode(Encoder& out) const {
  out.varint(inputs.size());
  for (const Input& input : inputs) {
    out.bytes(input.name);
    out.zigzag(input.watermark);
    out.zigzag(input.latest);
  }
  out.varint(sessions.size());
  for (const auto& [number, session] : sessions) {
    out.varint(number);
    for (const OfInput& input : session.inputs) {
      out.varint(input.rows);
      out.zigzag(input.latest);
      out.byte(input.active);
    }
    out.bytes(session.name);
    out.byte(session.cursor.has_value());
    if (session.cursor) {
      out.varint(session.cursor->at);
      out.varint(session.cursor->mark);
    }
  }
}

Positions Positions::decode(Decoder& in) {
  Positions positions;
  for (std::uint64_t inputs = in.varint(); inputs != 0; --inputs) {
    std::string name(in.bytes());
    const Timestamp watermark = in.zigzag();
    positions.inputs.push_back({std::move(name), watermark, in.zigzag()});
  }
  for (std::uint64_t sessions = in.varint(); sessions != 0; --sessions) {
    OfSession& session = positions.sessions[in.varint()];
    session.inputs.clear();
    for (std::size_t i = 0; i < positions.inputs.size(); ++i) {
      OfInput input{.rows = in.varint(), .latest = in.zigzag()};
      input.active = derived::decode_flag(in);
      session.inputs.push_back(input);
    }
    session.name = in.bytes();
    if (derived::decode_flag(in)) session.cursor = Cursor{.at = in.varint(), .mark = in.varint()};
  }
  return positions;
}

}  // namespace lockstep
