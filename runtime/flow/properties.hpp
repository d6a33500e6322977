#pragma once

#include <cstdint>
#include <string>

namespace lockstep {

/// Where the rows of a stream are. `colocated`: equal rows are at one worker, no matter which. `by_row` and
/// `by_key`: at the worker that owns the slot of the row's, or the key's, hash.
enum class Partitioning : std::uint8_t { none, colocated, by_row, by_key };

/// What is known of a stream when the flow is built. Properties save exchanges, choose algorithms, and turn misuse
/// into errors.
struct Properties {
  Partitioning partitioning = Partitioning::none;
  /// No weight is ever negative.
  bool append_only = false;
  /// A key has at most one value, of weight 1. In a delta its old and new row stand side by side.
  bool unique_by_key = false;
  /// Each row appears at most once in a delta, and never with weight 0.
  bool consolidated = false;
  /// Depends on how the input was cut into steps, so it is judged against the recorded steps; recursion refuses it.
  bool step_dependent = false;

  bool equal_rows_meet() const { return partitioning != Partitioning::none; }
  /// `by key, append-only`; for explain().
  std::string to_string() const;
};

}  // namespace lockstep
