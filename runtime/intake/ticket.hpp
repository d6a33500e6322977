#pragma once

#include <cstdint>

namespace lockstep {

/// What a push returns: the step that its last row will be in. `runtime.wait(ticket)` waits for that step.
struct Ticket {
  std::uint64_t step = 0;
};

}  // namespace lockstep
