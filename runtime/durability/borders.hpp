#pragma once

#include <string>
#include <vector>

#include "runtime/durability/lineage.hpp"
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
    /// Lineage::functions(): those behind the last operators with state.
    std::vector<Lineage::Function> functions;
  };

  Positions positions;
  std::vector<Output> outputs;

  std::string encode() const;
  /// Throws DecodeError.
  static Borders decode(std::string_view bytes);
};

}  // namespace lockstep
