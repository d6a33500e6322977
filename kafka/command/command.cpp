#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "console/state.hpp"
#include "console/terminal.hpp"
#include "kafka/application.hpp"
#include "kafka/command/monitor.hpp"
#include "kafka/command/options.hpp"
#include "kafka/command/status_text.hpp"
#include "runtime/clock/durability.hpp"
#include "runtime/durability/store/checkpoint_store.hpp"
#include "runtime/durability/store/directory_lock.hpp"
#include "runtime/durability/store/newest_file.hpp"

// The command line of an application.

namespace lockstep::kafka {

namespace {

using std::chrono::steady_clock;

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: break;
  }
  return spdlog::level::err;
}

std::shared_ptr<spdlog::logger> make_logger(const std::string& name, const std::string& level) {
  auto logger = std::make_shared<spdlog::logger>(name, std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ %n: %v");
  logger->set_level(spdlog::level::from_str(level));
  return logger;
}

/// The line that shows how it goes: what has happened since the line before.
class StatusLine {
 public:
  explicit StatusLine(bool is_quiet) : is_quiet_(is_quiet) {}

  void show(const Run& run) {
    if (is_quiet_ || !line_.due()) return;
    const Status status = run.status();
    const auto now = steady_clock::now();
    std::optional<double> part;
    if (status.until_end != 0) {
      part = static_cast<double>(status.until_end_done) / static_cast<double>(status.until_end);
    }
    line_.show(part, line_text(status, before_, now - at_));
    // Rates are of the last second, however often the line is drawn.
    if (now - at_ >= std::chrono::seconds(1)) {
      before_ = status;
      at_ = now;
    }
  }

 private:
  const bool is_quiet_;
  terminal::ProgressLine line_;
  Status before_;
  steady_clock::time_point at_ = steady_clock::now();
};

void run_until_told(const Application& application, const RunOptions& options) {
  terminal::catch_interrupt();
  const auto logger = make_logger(application.name(), options.log_level());
  Settings settings = options.settings();
  settings.log = [logger](LogLevel level, const std::string& text) { logger->log(level_of(level), text); };
  std::unique_ptr<Monitor> monitor;
  if (!options.http().empty()) {
    monitor = std::make_unique<Monitor>(options.http(), application.name());
    logger->info("http://{}/metrics, /status, /health, /ready", monitor->address());
  }
  std::unique_ptr<Run> run;
  {
    // A broker that does not answer is waited for; nothing that has begun has to be ended meanwhile.
    const std::jthread watch([&logger](const std::stop_token& started) {
      while (!started.stop_requested()) {
        if (terminal::interrupted()) {
          logger->info("stopped before it has begun");
          logger->flush();
          std::_Exit(0);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    });
    run = application.start(settings);
  }
  if (monitor != nullptr) monitor->attach(*run);
  const struct Detach {
    Monitor* monitor;
    ~Detach() {
      if (monitor != nullptr) monitor->detach();
    }
  } detach{monitor.get()};
  {
    StatusLine line(options.is_quiet());
    while (!terminal::interrupted() && run->runs()) {
      line.show(*run);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  run->stop();
  const Status status = run->status();
  logger->info("{} records read, {} refused, {} written, {} steps", status.records_read, status.records_refused,
               status.records_written, status.step);
}

/// The parser would say no more than that it wants one.
void check_subcommand(const CLI::App& app, const std::string& given) {
  if (given.empty() || given[0] == '-') return;
  std::vector<std::string> names;
  for (const CLI::App* one : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(one->get_name());
  if (std::find(names.begin(), names.end(), given) != names.end()) return;
  throw CLI::ValidationError(given, fmt::format("there is no such subcommand; there are {}", fmt::join(names, ", ")));
}

bool has_more_than_lock(const std::filesystem::path& directory) {
  const std::filesystem::directory_iterator entries(directory);
  return std::any_of(begin(entries), end(entries), [](const auto& one) { return one.path().filename() != "lock"; });
}

/// Removes an application's checkpoints, and nothing else of their directory. Throws CheckpointError if they are
/// another's, or in use. Returns what the process has to.
int reset(const std::string& application, const std::filesystem::path& directory, bool is_sure) {
  if (!std::filesystem::exists(directory)) {
    fmt::print("{} is not there: the next run begins anew\n", directory.string());
    return 0;
  }
  {
    const DirectoryLock lock(directory);
    std::uint64_t step = 0;
    try {
      const CheckpointStore store(directory, CheckpointStore::Access::reader, false);
      for (const Manifest& manifest : store.manifests()) {
        if (manifest.application != application) {
          throw CheckpointError(fmt::format("the checkpoints in {} are of application '{}', not of '{}'",
                                            directory.string(), manifest.application, application));
        }
        step = std::max(step, manifest.step);
      }
    } catch (const NoCheckpoint&) {
      // They were being removed, perhaps, which did not come to its end.
      if (!std::filesystem::exists(directory / "newest") && has_more_than_lock(directory)) throw;
    }
    if (!is_sure) {
      fmt::print(
          "All checkpoints in {}, the last of step {}, are removed, and the next run reads its topics as one that "
          "was never run. What was written to topics stays. Type yes to go on: ",
          directory.string(), step);
      std::fflush(stdout);
      std::string answer;
      if (!std::getline(std::cin, answer) || answer != "yes") {
        fmt::print("nothing was removed\n");
        return 1;
      }
    }
    newest_file::remove_all(directory);
  }
  std::filesystem::remove(directory / "lock");
  std::error_code is_not_empty;
  std::filesystem::remove(directory, is_not_empty);
  fmt::print("the checkpoints in {} are removed: the next run begins anew\n", directory.string());
  return 0;
}

}  // namespace

int Application::run(int argc, const char* const* argv) {
  CLI::App app(fmt::format("{}: a dataflow between topics of Kafka.", name_));
  app.require_subcommand(1);
  int exit_code = 0;
  CLI::App* const run = app.add_subcommand("run", "Reads and writes until SIGINT or SIGTERM");
  run->footer("Options are taken from the command line, then from the file, then from the environment.");
  const RunOptions options(*run);
  run->callback([&] { run_until_told(*this, options); });

  state::add_command(app, exit_code, state::Directory::option);

  CLI::App* const reset_command =
      app.add_subcommand("reset", "Removes the checkpoints, so that the next run begins anew");
  std::string directory;
  bool is_sure = false;
  reset_command->add_option("--state", directory, "Directory of checkpoints")->required()->envname("LOCKSTEP_STATE");
  reset_command->add_flag("--yes", is_sure, "Do not ask");
  reset_command->callback([&] { exit_code = reset(name_, directory, is_sure); });

  CLI::App* const topology_command = app.add_subcommand("topology", "Shows the dataflow, and its topics");
  topology_command->callback([&] { fmt::print("{}", topology()); });

  try {
    check_subcommand(app, argc > 1 ? argv[1] : "");
    std::vector<std::string> arguments = RunOptions::with_file({argv + std::min(argc, 1), argv + argc}, *run);
    std::reverse(arguments.begin(), arguments.end());  // as the parser takes them
    app.name(argc > 0 ? argv[0] : "");
    app.parse(std::move(arguments));
    terminal::flush_output();
  } catch (const CLI::ParseError& error) {  // be it that help was asked for
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    terminal::complain(error.what(), name_.c_str());
    return 1;
  } catch (...) {  // of a user's function
    terminal::complain("something was thrown that is no std::exception", name_.c_str());
    return 1;
  }
  return exit_code;
}

}  // namespace lockstep::kafka
