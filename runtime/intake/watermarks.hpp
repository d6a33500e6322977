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
/// that are active; when none is, the latest of any, so that it does not matter in which order they become idle. A
/// watermark never goes back. O(log sessions) for a session that moves, and nothing for others. One thread at a time.
class Watermarks {
 public:
  explicit Watermarks(const Description& flow);

  /// kNoTimestamp: there is none yet.
  Timestamp of(InputId input) const { return inputs_[input].watermark; }
  /// The latest watermark of any session.
  Timestamp latest(InputId input) const { return inputs_[input].latest; }
  /// As they are loaded.
  void set(InputId input, Timestamp watermark, Timestamp latest) {
    inputs_[input].watermark = watermark;
    inputs_[input].latest = latest;
  }
  /// A session has moved.
  void update(InputId input, const EventTimeBase& time, StageTime& stage);
  /// What they are in the step whose sessions have all been sealed. Inputs without event time have none.
  void complete(std::vector<InputWatermark>& watermarks);

 private:
  struct OfInput {
    std::multiset<Timestamp> sessions;  // that are active
    Timestamp watermark = kNoTimestamp;
    Timestamp latest = kNoTimestamp;
  };

  std::vector<OfInput> inputs_;
  std::vector<InputId> dated_;
};

}  // namespace lockstep
