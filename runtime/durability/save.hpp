#pragma once

#include "runtime/clock/engine.hpp"
#include "runtime/durability/saved_state.hpp"

namespace lockstep {

/// All state of an engine that is between two steps. Throws StepFailed if it has failed.
SavedState save_state(Engine& engine);

/// Gives saved state to an engine that has not made a step. Throws SavedStateError if it is not of the same dataflow:
/// an operator with state must have the same name, kind, rows, and form of its state.
void load_state(Engine& engine, const SavedState& saved);

}  // namespace lockstep
