#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <exception>

#include "bench/kafka/workloads.hpp"

// Applications between topics, at least once, beside a bare client that does the same reads and writes on the same
// broker, round after round.

int main(int argc, char** argv) {
  using namespace lockstep::kafka_bench;
  Options options;
  CLI::App app("Applications between topics, beside a bare client.");
  app.require_subcommand(1);
  const auto add = [&](const char* name, const char* what, void (*run)(const Options&)) {
    CLI::App* const command = app.add_subcommand(name, what);
    command->add_option("--brokers", options.brokers, "tools/kafka start")->capture_default_str();
    command->add_option("--records", options.records)->capture_default_str();
    command->add_option("--keys", options.keys, "Keys, or accounts")->capture_default_str();
    command->add_option("--partitions", options.partitions)->capture_default_str();
    command->add_option("--rounds", options.rounds)->capture_default_str();
    command->add_option("--workers", options.workers)->capture_default_str();
    command->add_option("--step-rows", options.step_rows)->capture_default_str();
    command->add_option("--reading-threads", options.reading_threads)->capture_default_str();
    command->add_option("--rate", options.rate, "Records a second, of paced")->capture_default_str();
    command->callback([&options, run] { run(options); });
  };
  add("count", "Counts by key, every update written", count);
  add("bank", "Transfers in JSON to balances", bank);
  add("backlog", "A topic that is full when it is begun", backlog);
  add("paced", "How long records are on their way at a rate", paced);
  add("round-trip", "How long one row of JSON is on its way, on an idle machine", round_trip);
  add("idle-partitions", "A busy partition beside 1,000 that have nothing", idle_partitions);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  } catch (const std::exception& error) {
    fmt::print(stderr, "lockstep_kafka_bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
