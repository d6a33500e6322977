#pragma once

#include "runtime/rows/bytes.hpp"
#include "runtime/rows/schema.hpp"

namespace lockstep {

void encode(Encoder& out, const Schema& schema);
/// Throws DecodeError.
Schema decode_schema(Decoder& in);

/// Whether there is something in it that has a coding of its own.
bool is_opaque(const Schema& schema);
/// Whether the coding of such a row may have no bytes.
bool may_be_no_bytes(const Schema& schema);
/// Reads past the coding of one row. Throws DecodeError if it is none. REQUIRES: the schema is not opaque.
void skip_row(const Schema& schema, Decoder& in);

}  // namespace lockstep
