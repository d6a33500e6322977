#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/rows/bytes.hpp"

namespace lockstep {

/// Up to where each session was stepped.
struct Positions {
  struct OfSession {
    std::vector<std::uint64_t> rows;  // in the order of the inputs
    std::optional<std::uint64_t> cursor = {};
  };

  std::vector<std::string> inputs;
  /// By the session's number.
  std::map<std::uint64_t, OfSession> sessions;

  /// These inputs, by their places.
  void leave_out(const std::set<std::uint32_t>& gone);

  void encode(Encoder& out) const;
  /// Throws DecodeError.
  static Positions decode(Decoder& in);
};

}  // namespace lockstep
