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
    lockstep::encode(out, output.functions);
  }
  return bytes;
}

Borders Borders::decode(std::string_view bytes) {
  Decoder in(bytes);
  Borders borders;
  borders.positions = Positions::decode(in);
  for (std::uint64_t outputs = in.varint(); outputs != 0; --outputs) {
    Output& output = borders.outputs.emplace_back();
    output.name = in.bytes();
    output.schema = decode_schema(in);
    output.lineage = in.bytes();
    output.functions = decode_functions(in);
  }
  if (!in.at_end()) throw DecodeError("there are bytes after its outputs");
  return borders;
}

}  // namespace lockstep
