#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "runtime/flow/description.hpp"

namespace lockstep {

/// How the first step of a runtime makes operators and outputs complete that were not there when the state was saved
/// that it goes on from. Indexes of what other indexes hold become complete before the step, since what was there may
/// look into them. When all have run, and indexes are of the state after the step, a second pass sends the contents of
/// these, as deltas, through what is new. So its first delta is its whole contents.
struct Filling {
  enum class Pass : std::uint8_t { before, first, second };

  /// An index whose contents are sent on an edge: the one that it is of, or the one that its rows come from.
  struct Source {
    OperatorId index = 0;
    EdgeId edge = 0;
  };

  // By operator: whether it runs in a pass.
  std::vector<bool> before;
  std::vector<bool> first;
  std::vector<bool> second;
  std::vector<Source> sources_before;
  std::vector<Source> sources;
  std::vector<bool> outputs;     // by output: it is published in the second pass, not the first
  std::vector<EdgeId> repeated;  // edges on which nothing came before: the delta of the first pass is sent once more
  std::set<InputId> inputs;      // that were not there: state that is saved before the step knows nothing of them

  const std::vector<bool>& runs(Pass pass) const {
    return pass == Pass::before ? before : pass == Pass::first ? first : second;
  }
  /// Whether its state is not what it has to be until the step is made.
  bool completes(OperatorId op) const { return before[op] || second[op]; }
};

}  // namespace lockstep
