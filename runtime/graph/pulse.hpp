#pragma once

#include <cstdint>

#include "runtime/graph/dirty_set.hpp"
#include "runtime/zset/array.hpp"

namespace lockstep {

class EdgeBase;

/// What the edges of one worker share: which activation it is, which nodes are due, which outputs have a delta.
struct Pulse {
  /// Counts activations, one for each round of each step; edges and exchanges are stamped with it.
  std::uint64_t beat = 0;
  DirtySet dirty;
  Array<EdgeBase*> published;
};

}  // namespace lockstep
