#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/rows/bytes.hpp"

namespace lockstep {

/// Up to where each session was stepped.
struct Positions {
  std::vector<std::string> inputs;
  /// By the session's number, in the order of the inputs.
  std::map<std::uint64_t, std::vector<std::uint64_t>> sessions;

  void encode(Encoder& out) const;
  /// Throws DecodeError.
  static Positions decode(Decoder& in);
};

}  // namespace lockstep
