#include "kafka/application.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <thread>

namespace lockstep::kafka {

Application::Application(std::string name, const Dataflow& flow) : name_(std::move(name)), flow_(flow) {
  if (name_.empty()) throw FlowError("an application's name is empty");
}

Application::~Application() = default;

void Application::add_source(Source source, const Description& flow) {
  if (flow.identity != flow_.description()->identity) {
    throw FlowError(fmt::format("input '{}' does not belong to the dataflow of application '{}'", source.input, name_));
  }
  const auto is_same = [&source](const Source& other) {
    return other.input == source.input && other.topic == source.topic;
  };
  if (std::any_of(sources_.begin(), sources_.end(), is_same)) {
    throw FlowError(fmt::format("input '{}' reads topic '{}' already", source.input, source.topic));
  }
  sources_.push_back(std::move(source));
}

void Application::add_sink(Sink sink, const void* flow, OutputId output, Says says) {
  const Description& description = *flow_.description();
  const std::string& name = sink.output;
  if (flow != description.identity.get()) {
    throw FlowError(fmt::format("output '{}' does not belong to the dataflow of application '{}'", name, name_));
  }
  const lockstep::Properties& of_edge = description.edge(description.outputs[output].edge).properties;
  if (says == Says::upserts && !of_edge.unique_by_key) {
    throw FlowError(
        fmt::format("output '{}' may have several values for a key, which a topic of upserts cannot say", name));
  }
  if (says == Says::rows && !of_edge.append_only) {
    throw FlowError(
        fmt::format("rows of output '{}' may go again, which a topic of rows that come cannot say: write "
                    "upserts, or make its inputs append-only",
                    name));
  }
  const auto is_same = [&sink](const Sink& other) { return other.output == sink.output && other.topic == sink.topic; };
  if (std::any_of(sinks_.begin(), sinks_.end(), is_same)) {
    throw FlowError(fmt::format("output '{}' is written to topic '{}' already", name, sink.topic));
  }
  sinks_.push_back(std::move(sink));
}

std::unique_ptr<Run> Application::start(const Settings& settings) const {
  if (sources_.empty()) throw FlowError(fmt::format("application '{}' reads no topic", name_));
  return std::make_unique<Run>(*this, settings);
}

namespace {

volatile std::sig_atomic_t stop_signal = 0;
/// The next one ends the process.
void note_signal(int signal) {
  stop_signal = signal;
  std::signal(signal, SIG_DFL);
}

int run_until_told(const Application& application, const Settings& settings) {
  stop_signal = 0;
  std::signal(SIGINT, note_signal);
  std::signal(SIGTERM, note_signal);
  const std::unique_ptr<Run> run = application.start(settings);
  while (stop_signal == 0 && run->runs()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  run->stop();
  const Status status = run->status();
  fmt::print(stderr, "{} records read, {} written, {} steps\n", status.records_read, status.records_written,
             status.step);
  return 0;
}

}  // namespace

int Application::run(int argc, const char* const* argv) {
  CLI::App app(fmt::format("{}: a dataflow between topics of Kafka.", name_));
  app.require_subcommand(1);
  CLI::App* const run = app.add_subcommand("run", "Reads and writes until SIGINT or SIGTERM.");
  Settings settings;
  std::string brokers = "localhost:9092";
  std::vector<std::string> properties;
  run->add_option("--brokers", brokers, "bootstrap.servers of the cluster")->capture_default_str();
  run->add_option("--state", settings.state, "Directory of checkpoints; without it each run begins anew");
  std::int64_t checkpoint_every = settings.checkpoint_every.count();
  run->add_option("--checkpoint-every", checkpoint_every, "Milliseconds from one checkpoint to the next")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  run->add_option("--workers", settings.runtime.workers, "Shards of all state")->capture_default_str();
  run->add_flag("--until-end", settings.until_end, "End when all has been read that is there at the start");
  run->add_option("-X", properties, "A property of librdkafka: -X name=value");
  try {
    app.parse(argc, argv);
    settings.properties["bootstrap.servers"] = brokers;
    settings.on_problem = [this](const std::string& problem) { fmt::print(stderr, "{}: {}\n", name_, problem); };
    settings.checkpoint_every = std::chrono::milliseconds(checkpoint_every);
    for (const std::string& property : properties) {
      const std::size_t at = property.find('=');
      if (at == std::string::npos) throw CLI::ValidationError("-X", "'" + property + "' is not name=value");
      settings.properties[property.substr(0, at)] = property.substr(at + 1);
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  try {
    return run_until_told(*this, settings);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", name_, error.what());
    return 1;
  }
}

}  // namespace lockstep::kafka
