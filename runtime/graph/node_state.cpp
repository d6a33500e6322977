#include "runtime/graph/node_state.hpp"

namespace lockstep {

std::unique_ptr<const PinnedState> PinnedItems::of(StateWriter&& items) {
  return std::make_unique<PinnedItems>(std::move(items));
}

void PinnedItems::save(StateWriter& out) const {
  items_.for_each([&out](unsigned slot, std::string_view items) {
    if (out.range().first <= slot && slot < out.range().end) out.append(slot, items);
  });
}

}  // namespace lockstep
