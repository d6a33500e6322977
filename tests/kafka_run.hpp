#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <lockstep_kafka.hpp>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "runtime/runtime.hpp"
#include "tests/kafka_cluster.hpp"

/// What tests of applications between topics of a real broker have in common.
namespace kafka_run {

namespace ls = lockstep;
namespace kafka = lockstep::kafka;
using namespace std::chrono_literals;
using kafka_cluster::Record;
using Upserts = std::map<std::string, std::string>;

struct Order {
  std::int64_t id;
  std::string customer;
  std::int64_t amount;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id, customer, amount))

inline std::string json(const Order& order) { return ls::to_json(order); }

inline std::vector<Record> values(const std::vector<std::string>& values) {
  std::vector<Record> records;
  for (const std::string& value : values) records.push_back({.key = {}, .value = value});
  return records;
}

/// A directory that goes with the test.
struct State {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() /
      fmt::format("lockstep-kafka-{}-{}", getpid(), std::chrono::steady_clock::now().time_since_epoch().count());
  ~State() { std::filesystem::remove_all(path); }
};

inline kafka::Settings settings(const std::filesystem::path& state = {}) {
  kafka::Settings settings;
  settings.properties = kafka_cluster::properties();
  settings.state = state;
  settings.checkpoint_every = 100ms;
  settings.partitions_every = 50ms;
  return settings;
}

/// Waits for what has to come, and fails if it does not.
template <class Condition>
void await(const std::string& what, Condition&& condition) {
  for (const auto until = std::chrono::steady_clock::now() + 30s; !condition();) {
    if (std::chrono::steady_clock::now() > until) FAIL("it does not come: " + what);
    std::this_thread::sleep_for(5ms);
  }
}

inline kafka::Status run_to_end(const kafka::Application& app, kafka::Settings settings) {
  settings.until_end = true;
  const auto run = app.start(settings);
  await("the end", [&] { return !run->runs(); });
  run->stop();
  return run->status();
}

/// How many orders, and how much, by customer.
struct Totals {
  std::string orders;
  std::string totals = kafka_cluster::make_topic("totals", 2);
  ls::Dataflow flow;
  ls::Input<Order> in = flow.input<Order>("orders", {.append_only = true});
  ls::KeyedOutput<std::string, std::tuple<std::int64_t, std::int64_t>> out =
      in | ls::group_by(&Order::customer, ls::count(), ls::sum(&Order::amount)).named("totals") | ls::output("totals");
  kafka::Application app{"totals-" + totals, flow};

  explicit Totals(int partitions, kafka::SourceOptions options = {})
      : orders(kafka_cluster::make_topic("orders", partitions)) {
    app.read(in, orders, kafka::json(), options);
    app.write(out, totals, kafka::upsert(kafka::text(), kafka::json()));
  }
};

}  // namespace kafka_run
