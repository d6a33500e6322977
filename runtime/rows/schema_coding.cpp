#include "runtime/rows/schema_coding.hpp"

#include <algorithm>

#include "runtime/rows/codec.hpp"

namespace lockstep {

namespace {

/// Types that are nested deeper are damage.
constexpr unsigned kDeepest = 100;

bool has_one_field(Schema::Kind kind) {
  using Kind = Schema::Kind;
  return kind == Kind::enumeration || kind == Kind::duration || kind == Kind::time || kind == Kind::optional ||
         kind == Kind::sequence;
}

Schema decode_nested(Decoder& in, unsigned depth) {
  if (depth > kDeepest) throw DecodeError("a row type is nested too deep");
  Schema schema;
  const std::uint8_t kind = in.byte();
  if (kind > static_cast<std::uint8_t>(Schema::Kind::word)) throw DecodeError("there is no such kind of row type");
  schema.kind = static_cast<Schema::Kind>(kind);
  schema.name = in.bytes();
  schema.defaults = in.bytes();
  for (std::uint64_t fields = in.varint(); fields != 0; --fields) {
    std::string name(in.bytes());
    schema.fields.push_back({std::move(name), decode_nested(in, depth + 1)});
  }
  if (has_one_field(schema.kind) && schema.fields.size() != 1) throw DecodeError("a row type lacks what it is made of");
  return schema;
}

}  // namespace

void encode(Encoder& out, const Schema& schema) {
  out.byte(static_cast<std::uint8_t>(schema.kind));
  out.bytes(schema.name);
  out.bytes(schema.defaults);
  out.varint(schema.fields.size());
  for (const SchemaField& field : schema.fields) {
    out.bytes(field.name);
    encode(out, field.schema);
  }
}

Schema decode_schema(Decoder& in) { return decode_nested(in, 0); }

bool is_opaque(const Schema& schema) {
  if (schema.kind == Schema::Kind::dynamic) return true;
  return std::any_of(schema.fields.begin(), schema.fields.end(),
                     [](const SchemaField& field) { return is_opaque(field.schema); });
}

bool may_be_no_bytes(const Schema& schema) {
  if (schema.kind != Schema::Kind::tuple && schema.kind != Schema::Kind::record) return false;
  return std::all_of(schema.fields.begin(), schema.fields.end(),
                     [](const SchemaField& field) { return may_be_no_bytes(field.schema); });
}

void skip_row(const Schema& schema, Decoder& in) {
  using Kind = Schema::Kind;
  switch (schema.kind) {
    case Kind::boolean: derived::decode_flag(in); return;
    case Kind::character:
    case Kind::integer:
    case Kind::unsigned_integer: in.varint(); return;
    case Kind::real:
      if (schema.name == "float") {
        in.fixed32();
      } else {
        in.fixed64();
      }
      return;
    case Kind::word: in.fixed64(); return;
    case Kind::text: in.bytes(); return;
    case Kind::enumeration:
    case Kind::duration:
    case Kind::time: skip_row(schema.fields.front().schema, in); return;
    case Kind::optional:
      if (derived::decode_flag(in)) skip_row(schema.fields.front().schema, in);
      return;
    case Kind::sequence: {
      const Schema& element = schema.fields.front().schema;
      const bool is_marked = may_be_no_bytes(element);
      for (std::uint64_t count = in.varint(); count != 0; --count) {
        if (is_marked) derived::decode_nothing(in);
        skip_row(element, in);
      }
      return;
    }
    case Kind::tuple:
    case Kind::record:
      for (const SchemaField& field : schema.fields) skip_row(field.schema, in);
      return;
    case Kind::dynamic: break;
  }
  throw DecodeError("rows of type " + schema.name + " have a coding of their own");
}

}  // namespace lockstep
