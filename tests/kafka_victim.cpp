#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <lockstep_kafka.hpp>
#include <string>
#include <thread>

#include "kafka/command/options.hpp"

// What campaigns kill: VICTIM IN OUT run …. With LOCKSTEP_KILL_AT it kills itself at a named point, when it is there
// for the LOCKSTEP_KILL_NTH time. With LOCKSTEP_PARTITIONS_EVERY it looks for partitions that often, in milliseconds.

namespace ls = lockstep;
namespace kafka = lockstep::kafka;

struct Order {
  std::int64_t id;
  std::string customer;
  std::int64_t amount;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id, customer, amount))

namespace {

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// With settings that the command line does not have.
int run_with(const kafka::Application& app, int argc, char** argv, const std::string& point,
             const std::string& partitions_every) {
  CLI::App parser;
  const kafka::RunOptions options(*parser.add_subcommand("run"));
  parser.parse(argc, argv);
  kafka::Settings settings = options.settings();
  std::atomic<int> left{point.empty() ? 0 : std::stoi(environment("LOCKSTEP_KILL_NTH"))};
  settings.on_point = [&](std::string_view here) {
    if (here == point && --left == 0) std::raise(SIGKILL);
  };
  if (!partitions_every.empty()) settings.partitions_every = std::chrono::milliseconds(std::stoi(partitions_every));
  static std::atomic<bool> ends{false};
  std::signal(SIGTERM, [](int) { ends = true; });
  try {
    const auto run = app.start(settings);
    while (!ends && run->runs()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    run->stop();
    return 0;
  } catch (const std::exception&) {
    return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string in_topic = argv[1];
  const std::string out_topic = argv[2];
  argv[2] = argv[0];
  ls::Dataflow flow;
  const auto orders = flow.input<Order>("orders", {.append_only = true});
  const auto totals = orders | ls::group_by(&Order::customer, ls::count(), ls::sum(&Order::amount)).named("totals") |
                      ls::output("totals");
  kafka::Application app("victim-" + out_topic, flow);
  app.read(orders, in_topic, kafka::json());
  app.write(totals, out_topic, kafka::upsert(kafka::text(), kafka::json()));
  const std::string point = environment("LOCKSTEP_KILL_AT");
  const std::string partitions_every = environment("LOCKSTEP_PARTITIONS_EVERY");
  if (!point.empty() || !partitions_every.empty()) return run_with(app, argc - 2, argv + 2, point, partitions_every);
  return app.run(argc - 2, argv + 2);
}
