#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/clock/engine.hpp"
#include "runtime/durability/saved_state.hpp"

namespace lockstep {

/// All state of an engine as of its last step. Any thread may write it, while steps go on, and after the engine.
class PinnedEngine {
 public:
  /// REQUIRES: no step runs. Throws StepFailed if the engine has failed.
  explicit PinnedEngine(Engine& engine);

  SavedState save() const;

 private:
  struct Operator {
    const OperatorInfo* info;
    std::vector<std::unique_ptr<const PinnedState>> parts;  // by worker, or one that is the same at all
  };

  std::shared_ptr<const Description> flow_;
  std::uint64_t step_;
  std::string intake_;
  std::vector<Operator> operators_;
};

/// Gives saved state to an engine that has not made a step. Throws SavedStateError if it is not of the same dataflow:
/// an operator with state must have the same name, kind, rows, and form of its state.
void load_state(Engine& engine, const SavedState& saved);

}  // namespace lockstep
