#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/durability/state_identity.hpp"
#include "runtime/state/limits.hpp"

namespace lockstep {

/// What a checkpoint is of, and which records it is made of.
struct Manifest {
  /// Items of one slot of an operator's state, as the checkpoint `number` wrote them: this one, or one before.
  struct Record {
    unsigned slot = 0;
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
    std::uint64_t checksum = 0;
  };
  struct Operator {
    /// The same for an operator of this name in all checkpoints of a directory.
    std::uint32_t id = 0;
    std::string name;
    StateIdentity identity;
    /// By slot, then by checkpoint: the first of a slot is all that it held then; the items of those that follow
    /// replace what was said of their keys, or say that they are not there any more.
    std::vector<Record> records;
    /// About how many rows, groups or keys its state has.
    std::uint64_t items = 0;

    std::uint64_t bytes() const;
  };

  /// Counts the checkpoints of a directory.
  std::uint64_t number = 0;
  std::uint64_t step = 0;
  /// Milliseconds since 1970.
  std::int64_t taken_at = 0;
  std::string application;
  std::string library;
  std::string build_id;
  unsigned workers = 0;
  IndexLimits limits;
  /// Sessions and their positions, outputs and what they give.
  std::string borders;
  std::vector<Operator> operators;

  std::uint64_t bytes() const;

  std::string encode() const;
  /// Throws DecodeError.
  static Manifest decode(std::string_view bytes);
};

/// Of the executable, in hexadecimal: what the linker noted; empty if it noted nothing.
std::string build_id();

}  // namespace lockstep
