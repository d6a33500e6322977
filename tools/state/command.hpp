#pragma once

namespace CLI {
class App;
}

namespace lockstep::state {

/// Adds the `state` command, which looks at a directory of checkpoints. `exit_code` receives the outcome: 0 all is
/// well, 1 something is damaged, 2 there are no checkpoints.
void add_command(CLI::App& app, int& exit_code);

}  // namespace lockstep::state
