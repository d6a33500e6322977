#pragma once

namespace CLI {
class App;
}

namespace lockstep::broker {

/// Adds the `broker` command: a broker in this process, until Ctrl-C.
void add_command(CLI::App& app, int& exit_code);

}  // namespace lockstep::broker
