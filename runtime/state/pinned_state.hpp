#pragma once

#include "runtime/state/state_writer.hpp"

namespace lockstep {

class Capture;

/// The state of an operator at one worker as of one step. Any thread may save it, when all of it is captured.
class PinnedState {
 public:
  virtual ~PinnedState() = default;
  /// What has to be captured yet; null: nothing.
  virtual Capture* as_capture() { return nullptr; }
  /// Writes what lies in the writer's range.
  virtual void save(StateWriter& out) const = 0;
};

}  // namespace lockstep
