#include "tools/broker/command.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "console/terminal.hpp"
#include "kafka/client/mock_broker.hpp"

namespace lockstep::broker {

namespace {

/// Of `orders:3`.
std::pair<std::string, std::int32_t> topic_of(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string partitions = colon == std::string::npos ? "1" : text.substr(colon + 1);
  if (colon == 0 || text.empty() || partitions.empty() || partitions.size() > 4 ||
      partitions.find_first_not_of("0123456789") != std::string::npos || std::stoi(partitions) == 0) {
    throw CLI::ValidationError("--topic", "'" + text + "' is neither a topic nor topic:partitions");
  }
  return {text.substr(0, colon), std::stoi(partitions)};
}

void run(const std::vector<std::string>& topics) {
  std::vector<std::pair<std::string, std::int32_t>> made;
  made.reserve(topics.size());
  for (const std::string& topic : topics) made.push_back(topic_of(topic));
  terminal::catch_interrupt();
  kafka::MockBroker broker;
  for (const auto& [topic, partitions] : made) broker.make_topic(topic, partitions);
  fmt::print("{}\n", broker.address());
  std::fflush(stdout);
  while (!terminal::interrupted()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

}  // namespace

void add_command(CLI::App& app, int&) {
  auto topics = std::make_shared<std::vector<std::string>>();
  CLI::App* broker = app.add_subcommand(
      "broker",
      "A broker for demonstrations, until Ctrl-C: prints its bootstrap.servers, keeps some 5 MiB of a partition, "
      "and knows no transactions");
  broker->add_option("--topic", *topics, "A topic that it has: orders, or orders:3 with so many partitions")
      ->allow_extra_args(false);
  broker->callback([topics] { run(*topics); });
}

}  // namespace lockstep::broker
