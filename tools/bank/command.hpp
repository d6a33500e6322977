#pragma once

namespace CLI {
class App;
}

namespace lockstep::bank {

/// Adds `bank` to the `consistency` command. `exit_code` receives the outcome: 0 clean, 1 a view was wrong, 2 the
/// input or output failed, 130 the user interrupted.
void add_command(CLI::App& consistency, int& exit_code);

}  // namespace lockstep::bank
