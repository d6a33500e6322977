#pragma once

#include <string>
#include <vector>

#include "runtime/intake/positions.hpp"
#include "runtime/rows/bytes.hpp"
#include "runtime/rows/schema.hpp"

namespace lockstep {

/// What has come into a dataflow, and what comes out.
struct Borders {
  struct Output {
    std::string name;
    Schema schema;
    /// Lineage::of().
    std::string lineage;
  };

  Positions positions;
  std::vector<Output> outputs;

  std::string encode() const;
  /// Throws DecodeError.
  static Borders decode(std::string_view bytes);
};

}  // namespace lockstep
