#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kafka/formats/format.hpp"

namespace lockstep::kafka {

/// What a schema says of a value, names and logical types included.
struct AvroType {
  enum class Kind : std::uint8_t {
    null,
    boolean,
    whole,  // int, long
    float_real,
    double_real,
    bytes,
    string,
    record,
    enumeration,
    array,
    map,
    fixed,
    any_of,  // union
  };
  enum class Logical : std::uint8_t { none, decimal, date, milliseconds, microseconds, nanoseconds };

  Kind kind = Kind::null;
  Logical logical = Logical::none;
  unsigned scale = 0;                   // of a decimal
  std::uint64_t size = 0;               // of a fixed
  std::size_t types = 1;                // how many are within it, itself included, as often as they are
  bool may_be_empty = false;            // a value may have no bytes
  std::vector<std::string> names = {};  // of fields, or symbols
  std::vector<std::shared_ptr<const AvroType>> parts = {};  // fields, branches, items, values
};

/// Of a schema's JSON. Throws FormatError if it is none, or one that no rows have.
std::shared_ptr<const AvroType> avro_type_of(const std::string& text);

}  // namespace lockstep::kafka
