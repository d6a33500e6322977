#include "runtime/graph/node_state.hpp"

namespace lockstep {

std::unique_ptr<PinnedState> PinnedItems::of(StateWriter&& items) {
  return std::make_unique<PinnedItems>(std::move(items));
}

void PinnedItems::save(StateWriter& out) const { out.append(items_); }

}  // namespace lockstep
