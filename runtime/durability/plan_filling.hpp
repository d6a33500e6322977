#pragma once

#include <optional>
#include <set>
#include <string>

#include "runtime/clock/filling.hpp"

namespace lockstep {

/// In what a dataflow differs from the one whose state it goes on from.
struct WhatIsNew {
  /// Operators with state, and outputs, that are to be complete.
  std::set<OperatorId> operators;
  std::set<OutputId> outputs;
  /// Those that begin with what comes.
  std::set<OperatorId> empty_operators;
  std::set<OutputId> empty_outputs;
  std::set<InputId> inputs;
};

/// How what is new becomes complete; none: nothing is. Throws SavedStateError, which names operator or output, if
/// something cannot be made complete from indexes that are there, or if something that was there reads what is new.
std::optional<Filling> plan_filling(const Description& flow, const WhatIsNew& added);

}  // namespace lockstep
