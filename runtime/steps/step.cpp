#include "runtime/steps/step.hpp"

namespace lockstep {

std::optional<Timestamp> Step::watermark_of(const void* flow, std::uint32_t input, const std::string& name) const {
  if (data_ == nullptr) return std::nullopt;
  if (flow != data_->flow) throw UsageError("input '" + name + "' does not belong to the dataflow of this step");
  for (const InputWatermark& one : data_->watermarks) {
    if (one.input != input) continue;
    return one.watermark == kNoTimestamp ? std::nullopt : std::optional(one.watermark);
  }
  throw UsageError("input '" + name + "' has no event time, or was added to the dataflow after this runtime was made");
}

}  // namespace lockstep
