#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kafka/application.hpp"

namespace CLI {
class App;
}

namespace lockstep::kafka {

/// What the command line, a file, and the environment say of a run.
class RunOptions {
 public:
  /// Adds them to a command.
  explicit RunOptions(CLI::App& command);

  /// What a command line says with what its file says, of the command of these options. Throws CLI::Error of a file
  /// that is not there, or says what is not known: with its line.
  static std::vector<std::string> with_file(std::vector<std::string> arguments, const CLI::App& command);

  /// Throws CLI::ValidationError of what is no property.
  Settings settings() const;
  /// Where metrics and health are shown; empty: nowhere.
  const std::string& http() const { return http_; }
  const std::string& log_level() const { return log_level_; }
  bool is_quiet() const { return quiet_; }

 private:
  std::string config_;
  std::string brokers_ = "localhost:9092";
  std::vector<std::string> clusters_;
  std::vector<std::string> properties_;
  std::string registry_;
  std::string registry_user_;
  std::string state_;
  std::int64_t checkpoint_every_ = 10'000;
  unsigned workers_ = 1;
  std::size_t step_rows_ = 100'000;
  std::int64_t step_every_ = 1'000;
  std::size_t stage_bytes_ = std::size_t{256} << 20;
  unsigned reading_threads_ = 0;
  std::int64_t stop_timeout_ = 60'000;
  bool until_end_ = false;
  std::string http_;
  std::string log_level_ = "info";
  bool quiet_ = false;
};

}  // namespace lockstep::kafka
