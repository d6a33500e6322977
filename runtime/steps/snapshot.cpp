#include "runtime/steps/snapshot.hpp"

namespace lockstep {

const std::vector<std::shared_ptr<const void>>& Snapshot::pins(ContentsName of, const void* flow,
                                                               const std::string& what, const char* otherwise) const {
  if (flow != flow_) throw UsageError(what + " is of another dataflow");
  const auto found = pins_.find(of);
  if (found == pins_.end()) throw UsageError(what + " keeps no contents in this runtime" + otherwise);
  return found->second;
}

}  // namespace lockstep
