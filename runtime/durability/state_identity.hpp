#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/durability/lineage.hpp"
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
  /// Lineage::reads().
  std::string reads;
  /// Lineage::functions(): all whose results are in its state. Their names are not compared.
  std::vector<Lineage::Function> functions;

  static StateIdentity of(const OperatorInfo& info, const Description& flow);
  static StateIdentity of(const OperatorInfo& info, Lineage& lineage);
  /// What it is.
  std::string to_string() const;

  void encode(Encoder& out) const;
  /// Throws DecodeError.
  static StateIdentity decode(Decoder& in);
};

bool operator==(const StateIdentity& a, const StateIdentity& b);

}  // namespace lockstep
