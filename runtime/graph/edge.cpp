#include "runtime/graph/edge.hpp"

namespace lockstep {

EdgeBase::EdgeBase(Pulse& pulse, unsigned level) : level(level), pulse_(&pulse) {}
EdgeBase::~EdgeBase() = default;

void EdgeBase::choose_outputs(FunctionRef<bool(OutputId)> is_chosen) {
  outputs_.insert(outputs_.end(), other_outputs_.begin(), other_outputs_.end());
  const auto others =
      std::stable_partition(outputs_.begin(), outputs_.end(), [&](OutputId output) { return is_chosen(output); });
  other_outputs_.assign(others, outputs_.end());
  outputs_.erase(others, outputs_.end());
}

}  // namespace lockstep
