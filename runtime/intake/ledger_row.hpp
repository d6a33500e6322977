#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>

namespace lockstep {

/// A row that the border rejected, and why. Each input has a ledger of these, an output like any other.
struct LedgerRow {
  std::string reason = {};
  std::uint64_t session = 0;
  /// The row's place among what the session pushed into this input, from 0.
  std::uint64_t position = 0;
  std::optional<std::int64_t> event_time = {};
  /// The row as text.
  std::string row = {};
  std::int64_t weight = 1;
};
BOOST_DESCRIBE_STRUCT(LedgerRow, (), (reason, session, position, event_time, row, weight))

}  // namespace lockstep
