#include "runtime/durability/borders.hpp"

#include <utility>

#include "runtime/rows/schema_coding.hpp"

namespace lockstep {

std::string Borders::encode() const {
  std::string bytes;
  Encoder out(bytes);
  positions.encode(out);
  out.varint(outputs.size());
  for (const Output& output : outputs) {
    out.bytes(output.name);
    lockstep::encode(out, output.schema);
    out.bytes(output.lineage);
  }
  return bytes;
}

Borders Borders::decode(std::string_view bytes) {
  Decoder in(bytes);
  Borders borders;
  borders.positions = Positions::decode(in);
  for (std::uint64_t outputs = in.varint(); outputs != 0; --outputs) {
    std::string name(in.bytes());
    Schema schema = decode_schema(in);
    borders.outputs.push_back({std::move(name), std::move(schema), std::string(in.bytes())});
  }
  if (!in.at_end()) throw DecodeError("there are bytes after its outputs");
  return borders;
}

}  // namespace lockstep
