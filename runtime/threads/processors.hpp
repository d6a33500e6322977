#pragma once

namespace lockstep {

/// Processors that this process may run on.
unsigned allowed_processors();

}  // namespace lockstep
