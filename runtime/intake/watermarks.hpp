#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "runtime/flow/description.hpp"
#include "runtime/intake/event_time.hpp"
#include "runtime/steps/step_data.hpp"

namespace lockstep {

/// The watermarks of the inputs that have event time, by what their sessions have sealed: the least of the sessions
/// that are active. A watermark never goes back; while no session is active, it stays. O(log sessions) for a session
/// that moves, and nothing for others. One thread at a time.
class Watermarks {
 public:
  explicit Watermarks(const Description& flow);

  /// kNoTimestamp: there is none yet.
  Timestamp of(InputId input) const { return inputs_[input].watermark; }
  /// As they are loaded.
  void set(InputId input, Timestamp watermark) { inputs_[input].watermark = watermark; }
  /// A session has moved.
  void update(InputId input, const EventTimeBase& time, StageTime& stage);
  /// What they are in the step whose sessions have all been sealed. Inputs without event time have none.
  void complete(std::vector<InputWatermark>& watermarks);

 private:
  struct OfInput {
    std::multiset<Timestamp> sessions;  // that are active
    Timestamp watermark = kNoTimestamp;
  };

  std::vector<OfInput> inputs_;
  std::vector<InputId> dated_;
};

}  // namespace lockstep
