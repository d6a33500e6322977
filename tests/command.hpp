#pragma once

#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <string>

struct CommandResult {
  int exit_code;
  std::string output;  // of both streams
};

/// Runs the `lockstep` command.
inline CommandResult run_command(const std::string& arguments) {
  const std::string line = std::string(LOCKSTEP_COMMAND) + " " + arguments + " 2>&1";
  std::FILE* pipe = popen(line.c_str(), "r");
  REQUIRE(pipe != nullptr);
  CommandResult result{};
  char buffer[4096];
  for (std::size_t count = 0; (count = std::fread(buffer, 1, sizeof buffer, pipe)) != 0;) {
    result.output.append(buffer, count);
  }
  result.exit_code = WEXITSTATUS(pclose(pipe));
  return result;
}
