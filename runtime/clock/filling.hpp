#pragma once

#include <vector>

#include "runtime/flow/description.hpp"

namespace lockstep {

/// How the first step of a runtime makes operators and outputs complete that were not there when the state was saved
/// that it goes on from. When all others have run, and their indexes are of the state after the step, a second pass
/// sends the contents of these indexes, as deltas, through what is new. So its first delta is its whole contents.
struct Filling {
  /// An index whose contents are sent on an edge: the one that it is of, or the one that its rows come from.
  struct Source {
    OperatorId index = 0;
    EdgeId edge = 0;
  };

  std::vector<bool> first;    // by operator: it runs in the first pass, if in both then without its state
  std::vector<bool> second;   // by operator: it runs in the second pass
  std::vector<bool> outputs;  // by output: it is published in the second pass, not the first
  std::vector<Source> sources;
  std::vector<EdgeId> repeated;  // edges on which nothing came before: the delta of the first pass is sent once more
};

}  // namespace lockstep
