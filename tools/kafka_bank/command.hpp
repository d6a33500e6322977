#pragma once

namespace CLI {
class App;
}

namespace lockstep::kafka_bank {

/// Adds the `kafka-bank` command. `exit_code` receives the outcome: 0 all is right, 1 something is wrong, 2 it could
/// not be run to its end.
void add_command(CLI::App& consistency, int& exit_code);

}  // namespace lockstep::kafka_bank
