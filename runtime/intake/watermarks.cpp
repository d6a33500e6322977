#include "runtime/intake/watermarks.hpp"

#include <algorithm>

namespace lockstep {

Watermarks::Watermarks(const Description& flow) : inputs_(flow.inputs.size()) {
  for (InputId input = 0; input < inputs_.size(); ++input) {
    if (flow.inputs[input].event_time != nullptr) dated_.push_back(input);
  }
}

void Watermarks::update(InputId input, const EventTimeBase& time, StageTime& stage) {
  OfInput& of = inputs_[input];
  of.latest = std::max(of.latest, time.watermark(stage.sealed_latest));
  std::optional<Timestamp> now;
  if (stage.sealed_active) now = time.watermark(stage.sealed_latest);
  if (stage.counted == now) return;
  std::multiset<Timestamp>& sessions = of.sessions;
  if (!stage.counted) {
    sessions.insert(*now);
  } else {
    auto counted = sessions.extract(sessions.find(*stage.counted));  // its memory is used again
    if (now) {
      counted.value() = *now;
      sessions.insert(std::move(counted));
    }
  }
  stage.counted = now;
}

void Watermarks::complete(std::vector<InputWatermark>& watermarks) {
  for (const InputId input : dated_) {
    OfInput& of = inputs_[input];
    of.watermark = std::max(of.watermark, of.sessions.empty() ? of.latest : *of.sessions.begin());
    watermarks.push_back({input, of.watermark});
  }
}

}  // namespace lockstep
