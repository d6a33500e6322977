#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/flow/description.hpp"
#include "runtime/rows/bytes.hpp"
#include "runtime/rows/schema.hpp"

namespace lockstep {

/// What an operator has to have in common with the one whose state it goes on from.
struct StateIdentity {
  /// What it is, and what its state is.
  std::string what;
  /// What the items of its state are made of, if that is told.
  std::optional<Schema> form;
  /// Of all functions whose results are in its state, those that have one.
  std::string versions;

  static StateIdentity of(const OperatorInfo& info, const Description& flow);
  /// But for the versions.
  std::string to_string() const;

  void encode(Encoder& out) const;
  /// Throws DecodeError.
  static StateIdentity decode(Decoder& in);
};

bool operator==(const StateIdentity& a, const StateIdentity& b);

/// The operators with functions of the user's that have no version, among those whose results are in its state.
std::vector<std::string> without_version(const OperatorInfo& info, const Description& flow);

}  // namespace lockstep
