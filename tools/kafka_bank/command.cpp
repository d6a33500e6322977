#include "tools/kafka_bank/command.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <memory>

#include "console/terminal.hpp"
#include "kafka/error.hpp"
#include "tools/kafka_bank/run.hpp"

namespace lockstep::kafka_bank {

namespace {

using terminal::grouped;

int run_command(const Options& options) {
  terminal::catch_interrupt();
  Outcome outcome;
  try {
    terminal::ProgressLine line;
    outcome = run(options, [&line](double part, const kafka::Status& status) {
      if (line.due()) {
        line.show(part, fmt::format("{} transfers read, {} records written", grouped(status.records_read),
                                    grouped(status.records_written)));
      }
      return !terminal::interrupted();
    });
  } catch (const kafka::KafkaError& error) {
    terminal::complain(error.what());
    return 2;
  }
  fmt::print(
      "{} transfers in {:.1f} s and {} steps, {} a second\n", grouped(outcome.transfers), outcome.seconds,
      grouped(outcome.steps),
      grouped(static_cast<std::uint64_t>(static_cast<double>(outcome.transfers) / std::max(outcome.seconds, 1e-3))));
  if (outcome.interrupted) {
    fmt::print("interrupted: nothing was verified\n");
    return 2;
  }
  fmt::print("accepted {}, refused as late {}: each transfer once\n", grouped(outcome.accepted),
             grouped(outcome.refused));
  fmt::print("balances of {} accounts, told {} times; the sum of all, told {} times\n", grouped(outcome.accounts),
             grouped(outcome.balances), grouped(outcome.totals));
  for (const std::string& fault : outcome.faults) fmt::print("WRONG: {}\n", fault);
  if (outcome.faults.empty())
    fmt::print("verified: no transfer was lost, no total was wrong, and all balances are right\n");
  return outcome.faults.empty() ? 0 : 1;
}

}  // namespace

void add_command(CLI::App& consistency, int& exit_code) {
  auto* bank = consistency.add_subcommand(
      "kafka-bank", "Runs the bank between topics of Kafka, and reads all that is written with a reader of its own");
  auto options = std::make_shared<Options>();
  bank->add_option(
      "--brokers", options->brokers,
      "bootstrap.servers of a cluster that has the topics transfers, accepted, refused, balances and total; "
      "without it there is one in this process");
  bank->add_option("--rows", options->generator.rows, "Transfers to generate")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 32));
  bank->add_option("--accounts", options->generator.accounts, "Accounts of the generated transfers")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 32));
  bank->add_option("--seed", options->generator.seed, "Seed of the generator")->capture_default_str();
  bank->add_option("--workers", options->workers, "Workers")->capture_default_str()->check(CLI::Range(1U, 1024U));
  bank->add_option("--partitions", options->partitions, "Of each topic in the broker of this process")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  bank->footer("The exit code is 0 if all is right, 1 if something is wrong, 2 if it could not be run to its end.");
  bank->callback([options, &exit_code] { exit_code = run_command(*options); });
}

}  // namespace lockstep::kafka_bank
