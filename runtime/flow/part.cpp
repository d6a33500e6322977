#include "runtime/flow/part.hpp"

namespace lockstep {

void ReadInfo::add_edge(EdgeId edge) { edges.push_back(edge); }

void ReadInfo::add_fused(const Part& part) { fused.push_back({part.kind, part.name, part.version}); }

}  // namespace lockstep
