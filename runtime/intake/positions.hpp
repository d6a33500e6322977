#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/intake/event_time.hpp"
#include "runtime/rows/bytes.hpp"

namespace lockstep {

/// How far a session has read its source, and a mark of the source's own, by which it can be known again.
struct Cursor {
  std::uint64_t at = 0;
  std::uint64_t mark = 0;

  friend bool operator==(const Cursor&, const Cursor&) = default;
};

/// Up to where each session was stepped.
struct Positions {
  struct Input {
    std::string name;
    Timestamp watermark = kNoTimestamp;
    Timestamp latest = kNoTimestamp;  // watermark of any session
  };
  struct OfInput {
    std::uint64_t rows = 0;
    Timestamp latest = kNoTimestamp;
    bool active = false;  // it holds the watermark back
  };
  struct OfSession {
    std::vector<OfInput> inputs;  // in their order
    std::string name = {};
    std::optional<Cursor> cursor = {};
  };

  std::vector<Input> inputs;
  /// By the session's number.
  std::map<std::uint64_t, OfSession> sessions;

  std::vector<std::string> names() const;
  /// These inputs, by their places.
  void leave_out(const std::set<std::uint32_t>& gone);

  void encode(Encoder& out) const;
  /// Throws DecodeError.
  static Positions decode(Decoder& in);
};

}  // namespace lockstep
