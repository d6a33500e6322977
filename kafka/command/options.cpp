#include "kafka/command/options.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string_view>
#include <utility>

namespace lockstep::kafka {

namespace {

/// `name=value` in two.
std::pair<std::string, std::string> parts(const char* option, const std::string& text) {
  const std::size_t at = text.find('=');
  if (at == std::string::npos || at == 0) throw CLI::ValidationError(option, "'" + text + "' is not name=value");
  return {text.substr(0, at), text.substr(at + 1)};
}

/// The file that is named last; or by the environment; empty: none.
std::string file_of(const std::vector<std::string>& arguments) {
  constexpr std::string_view kOption = "--config";
  std::string file;
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    const std::string& one = arguments[at];
    if (one == kOption && at + 1 < arguments.size()) file = arguments[at + 1];
    if (one.starts_with(std::string(kOption) + "=")) file = one.substr(kOption.size() + 1);
  }
  const char* const of_environment = std::getenv("LOCKSTEP_CONFIG");
  return file.empty() && of_environment != nullptr ? of_environment : file;
}

/// Where something stands in a file, as it is shown.
std::string place(const std::string& file, const std::string& name) {
  std::ifstream in(file);
  std::size_t number = 1;
  for (std::string line; std::getline(in, line); ++number) {
    const std::size_t begin = line.find_first_not_of(" \t[");
    if (begin != std::string::npos && line.compare(begin, name.size(), name) == 0) {
      return file + ":" + std::to_string(number);
    }
  }
  return file;
}

/// Throws what the parser says of one option of a file, with its place there.
void check(const std::string& file, const std::string& name, const std::string& argument) {
  CLI::App parser;
  const RunOptions options(parser);
  for (CLI::Option* option : parser.get_options()) option->envname("");  // whose mistakes are elsewhere
  try {
    parser.parse(std::vector<std::string>{argument});
  } catch (const CLI::ParseError& error) {
    throw CLI::ValidationError(place(file, name), error.what());
  }
}

std::string more_than_zero(const std::string& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const bool is_number = std::from_chars(text.data(), end, number).ptr == end;
  return is_number && number > 0 ? "" : "'" + text + "' is no number above 0";
}
std::string not_empty(const std::string& text) { return text.empty() ? "it is empty" : ""; }

using Units = std::map<std::string, std::int64_t>;
const Units kMilliseconds = {{"ms", 1}, {"s", 1'000}, {"min", 60'000}, {"h", 3'600'000}};
const Units kMicroseconds = {{"us", 1}, {"ms", 1'000}, {"s", 1'000'000}};

}  // namespace

std::vector<std::string> RunOptions::with_file(std::vector<std::string> arguments, const CLI::App& command) {
  const auto at = std::find(arguments.begin(), arguments.end(), command.get_name());
  const std::string file = file_of(arguments);
  if (at == arguments.end() || file.empty()) return arguments;
  std::vector<std::string> of_file;
  for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_file(file)) {
    if (item.name == "++" || item.name == "--") continue;  // a section begins, or ends
    const CLI::Option* const option = item.parents.empty() ? command.get_option_no_throw("--" + item.name) : nullptr;
    if (option == nullptr || item.name == "config" || item.name == "help") {
      throw CLI::ValidationError(place(file, item.parents.empty() ? item.name : item.parents[0]),
                                 "there is no option '" + item.fullname() + "'");
    }
    for (const std::string& value : item.inputs) {
      // The parser of the file keeps a quote that has no other one.
      if (value.starts_with('"') || value.starts_with('\'')) {
        throw CLI::ValidationError(place(file, item.name), "a quote is not closed");
      }
      check(file, item.name, of_file.emplace_back("--" + item.name + "=" + value));
    }
  }
  arguments.insert(at + 1, of_file.begin(), of_file.end());  // what comes later counts
  return arguments;
}

RunOptions::RunOptions(CLI::App& command) {
  command.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  command.add_option("--config", config_, "A file of these options, by their long names: brokers = \"host:9092\"")
      ->envname("LOCKSTEP_CONFIG");
  command.add_option("--brokers", brokers_, "bootstrap.servers of the cluster")
      ->check(not_empty)
      ->envname("LOCKSTEP_BROKERS")
      ->capture_default_str();
  command.add_option("--cluster", clusters_, "The same of another cluster that the program knows: name=host:port")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  command
      .add_option("-X,--property", properties_,
                  "A property of librdkafka: name=value, or cluster:name=value of another cluster")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  command.add_option("--registry", registry_, "URL of the schema registry, for Avro")->envname("LOCKSTEP_REGISTRY");
  command.add_option("--registry-user", registry_user_, "user:password of the schema registry, if it asks for that")
      ->envname("LOCKSTEP_REGISTRY_USER");
  command.add_option("--state", state_, "Directory of checkpoints; without it each run begins anew")
      ->envname("LOCKSTEP_STATE");
  command
      .add_option("--checkpoint-every", checkpoint_every_,
                  "From one checkpoint to the next: milliseconds, or with a unit, as 10s")
      ->transform(CLI::AsNumberWithUnit(kMilliseconds))
      ->check(more_than_zero)
      ->envname("LOCKSTEP_CHECKPOINT_EVERY")
      ->capture_default_str();
  command
      .add_option("--workers", workers_, "Shards of all state; any number, after each restart another one if need be")
      ->check(CLI::Range(1U, 1024U))
      ->envname("LOCKSTEP_WORKERS")
      ->capture_default_str();
  command
      .add_option("--step-every", step_every_,
                  "How long a row waits for others at most: microseconds, or with a unit, as 5ms")
      ->transform(CLI::AsNumberWithUnit(kMicroseconds))
      ->check(more_than_zero)
      ->capture_default_str();
  command.add_option("--step-rows", step_rows_, "Rows of a step at most, about; 0: all that are there")
      ->capture_default_str();
  command.add_option("--stage-bytes", stage_bytes_, "Bytes of rows that may wait for steps")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  command
      .add_option("--reading-threads", reading_threads_,
                  "Threads that read a source's partitions; 0: one for each processor, up to four")
      ->capture_default_str();
  command
      .add_option("--stop-timeout", stop_timeout_,
                  "After what time a run that is to end fails if nothing can be written: milliseconds, or with a unit; "
                  "0: it waits")
      ->transform(CLI::AsNumberWithUnit(kMilliseconds))
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_flag("--until-end", until_end_, "End when all has been read that is there at the start");
  command.add_option("--http", http_, "Show /metrics, /health, /ready and /status at host:port")
      ->envname("LOCKSTEP_HTTP");
  command.add_option("--log-level", log_level_, "debug, info, warning, error or off")
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}))
      ->envname("LOCKSTEP_LOG_LEVEL")
      ->capture_default_str();
  command.add_flag("--quiet", quiet_, "No line that shows how it goes");
}

Settings RunOptions::settings() const {
  Settings settings;
  settings.properties["bootstrap.servers"] = brokers_;
  for (const std::string& cluster : clusters_) {
    const auto [name, address] = parts("--cluster", cluster);
    settings.clusters[name]["bootstrap.servers"] = address;
  }
  for (const std::string& property : properties_) {
    auto [name, value] = parts("--property", property);
    const std::size_t colon = name.find(':');
    if (colon == std::string::npos) {
      settings.properties[name] = value;
      continue;
    }
    const std::string cluster = name.substr(0, colon);
    const auto found = settings.clusters.find(cluster);
    if (found == settings.clusters.end()) {
      throw CLI::ValidationError("--property",
                                 fmt::format("'{}': there is no --cluster {}=host:port", property, cluster));
    }
    found->second[name.substr(colon + 1)] = value;
  }
  if (!registry_.empty()) settings.formats["schema.registry.url"] = registry_;
  if (!registry_user_.empty()) settings.formats["schema.registry.basic.auth.user.info"] = registry_user_;
  settings.state = state_;
  settings.checkpoint_every = std::chrono::milliseconds(checkpoint_every_);
  settings.runtime.workers = workers_;
  settings.runtime.step_rows = step_rows_;
  settings.runtime.stage_bytes = stage_bytes_;
  settings.step.every = std::chrono::microseconds(step_every_);
  settings.reading_threads = reading_threads_;
  settings.stop_timeout = std::chrono::milliseconds(stop_timeout_);
  settings.until_end = until_end_;
  return settings;
}

}  // namespace lockstep::kafka
