#include "runtime/graph/node_state.hpp"

namespace lockstep {

void PinnedItems::save(StateWriter& out) const {
  items_.for_each([&out](unsigned slot, std::string_view items) {
    if (out.range().first <= slot && slot < out.range().end) out.append(slot, items);
  });
}

}  // namespace lockstep
