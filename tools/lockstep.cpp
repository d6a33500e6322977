#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "console/state.hpp"
#include "console/terminal.hpp"
#include "tools/bank/command.hpp"
#include "tools/broker/command.hpp"
#include "tools/kafka_bank/command.hpp"

// The `lockstep` command.

int main(int argc, char** argv) {
  CLI::App app{"lockstep: strongly consistent stream processing for one multicore box"};
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("lockstep ") + LOCKSTEP_VERSION);
  auto* consistency = app.add_subcommand("consistency", "Checks that every output is exactly right at every step");
  consistency->require_subcommand(1);
  int exit_code = 0;
  lockstep::bank::add_command(*consistency, exit_code);
#ifdef LOCKSTEP_KAFKA
  lockstep::kafka_bank::add_command(*consistency, exit_code);
  lockstep::broker::add_command(app, exit_code);
#endif
#ifdef LOCKSTEP_CHECKPOINT
  lockstep::state::add_command(app, exit_code, lockstep::state::Directory::argument);
#endif
  try {
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {  // be it that help was asked for
      exit_code = app.exit(error) == 0 ? 0 : 2;
    }
    lockstep::terminal::flush_output();
  } catch (const std::exception& error) {
    lockstep::terminal::complain(error.what());
    exit_code = 2;
  }
  return exit_code;
}
