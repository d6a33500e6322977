#pragma once

namespace CLI {
class App;
}

namespace lockstep::state {

/// Adds the `state` command, which looks at a directory of checkpoints: that is its argument, or `--state`, as it is of
/// programs that know it so. `exit_code` receives the outcome: 0 all is well, 1 something is damaged, 2 there are no
/// checkpoints.
enum class Directory { argument, option };
void add_command(CLI::App& app, int& exit_code, Directory directory);

}  // namespace lockstep::state
