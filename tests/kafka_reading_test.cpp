#include <fmt/format.h>

#include <atomic>

#include "kafka/client/consumer.hpp"
#include "tests/kafka_run.hpp"

// How partitions are read: found later, silent, with more records than there is room for, and by clients that
// misbehave.

using namespace kafka_run;
using Catch::Matchers::Contains;

namespace {

struct Eight {
  std::optional<std::string> a, b, c, d, e, f, g, h;
};
BOOST_DESCRIBE_STRUCT(Eight, (), (a, b, c, d, e, f, g, h))
struct Wide {
  std::int64_t id;
  std::optional<Eight> a, b, c, d, e, f, g, h;
};
BOOST_DESCRIBE_STRUCT(Wide, (), (id, a, b, c, d, e, f, g, h))

}  // namespace

TEST_CASE("partitions that a topic gets while it is read are read from their beginning", "[kafka]") {
  Totals totals(1, {.start = kafka::Start::latest()});
  kafka_cluster::write(totals.orders, values({json({1, "before", 1})}));
  kafka::Settings with = settings();
  with.reading_threads = GENERATE(1U, 3U);
  const auto run = totals.app.start(with);
  kafka_cluster::write(totals.orders, values({json({2, "Ada", 10})}));
  await("the first", [&] { return run->status().records_read == 1; });
  kafka_cluster::grow_topic(totals.orders, 5);
  await("the second", [&] {
    try {
      kafka_cluster::write(totals.orders, {{.key = {}, .value = json({3, "Ada", 1}), .partition = 2}});
      return true;
    } catch (const std::runtime_error&) {  // the client does not know of it yet
      return false;
    }
  });
  kafka_cluster::write(totals.orders, {{.key = {}, .value = json({4, "Ada", 1}), .partition = 1},
                                       {.key = {}, .value = json({5, "Ada", 1}), .partition = 3},
                                       {.key = {}, .value = json({6, "Ada", 1}), .partition = 4}});
  await("them", [&] { return run->status().records_read == 5; });
  run->stop();
  CHECK(kafka_cluster::read_upserts(totals.totals) == Upserts{{"Ada", "[5,14]"}});
}

TEST_CASE("back-pressure loses nothing, in a stage of a few kilobytes", "[kafka]") {
  constexpr int kRecords = 20'000;
  Totals totals(4);
  std::vector<Record> records;
  for (int i = 0; i < kRecords; ++i) {
    records.push_back({.key = {}, .value = json({i, fmt::format("customer {}", i % 100), 1}), .partition = i % 4});
  }
  kafka_cluster::write(totals.orders, records);
  kafka::Settings with = settings();
  with.runtime.stage_bytes = std::size_t{4} << 20;
  with.runtime.step_rows = 500;
  const kafka::Status status = run_to_end(totals.app, with);
  CHECK(status.records_read == kRecords);
  CHECK(status.step > 20);
  std::int64_t count = 0;
  for (const auto& [customer, total] : kafka_cluster::read_upserts(totals.totals)) count += std::stoll(total.substr(1));
  CHECK(count == kRecords);
}

TEST_CASE("a client whose queue was full fetches as soon as it has room", "[kafka]") {
  constexpr int kRecords = 200'000;
  const std::string topic = kafka_cluster::make_topic("orders", 1);
  std::vector<Record> records;
  for (int i = 0; i < kRecords; ++i) records.push_back({.key = {}, .value = json({i, "Ada", 1}), .partition = 0});
  kafka_cluster::write(topic, records);
  kafka::Properties properties = kafka_cluster::properties();
  properties["queued.min.messages"] = "1000";
  properties["fetch.message.max.bytes"] = "50000";
  kafka::Consumer consumer(properties, "group-of-" + topic);
  consumer.know(topic);
  consumer.add({{{topic, 0}, 0, 0}});
  const auto begun = std::chrono::steady_clock::now();
  kafka::Consumer::Batch batch;
  for (int read = 0; read < kRecords;) {
    consumer.poll(50ms, 500, batch);
    for (std::size_t at = 0; at < batch.size(); ++at) read += batch.is_record(at) ? 1 : 0;
    std::this_thread::sleep_for(1ms);
  }
  CHECK(std::chrono::steady_clock::now() - begun < 10s);  // by itself it waits for a second, twenty times
}

TEST_CASE("rows that are many times as large as their records go through a small stage", "[kafka]") {
  constexpr int kRecords = 12'000;
  const std::string topic = kafka_cluster::make_topic("wide", 2);
  std::vector<Record> records;
  for (int i = 0; i < kRecords; ++i) records.push_back({.key = {}, .value = fmt::format("{{\"id\":{}}}", i)});
  kafka_cluster::write(topic, records);
  ls::Dataflow flow;
  const auto in = flow.input<Wide>("in", {.append_only = true});
  const auto count = in | ls::aggregate(ls::count()) | ls::output("count", ls::accumulated);
  kafka::Application app("wide-" + topic, flow);
  app.read(in, topic, kafka::json());
  kafka::Settings with = settings();
  with.runtime.stage_bytes = std::size_t{1} << 20;
  with.until_end = true;
  const auto run = app.start(with);
  await("the end", [&] { return !run->runs(); });
  run->stop();
  const auto snapshot = run->runtime().snapshot();
  CHECK((*snapshot[count].begin()).row == kRecords);
  CHECK(run->status().step > 20);  // each of no more rows than the stage has room for
}

TEST_CASE("a partition is not idle because nobody has looked", "[kafka]") {
  const std::string topic = kafka_cluster::make_topic("orders", 2);
  ls::Dataflow flow;
  const auto orders = flow.input<Order>("orders", {}, ls::event_time(&Order::amount, 0));
  const auto ids = orders | ls::map(&Order::id) | ls::output("ids", ls::accumulated);
  kafka::Application app("idle-" + topic, flow);
  app.read(orders, topic, kafka::json(), {.idle_after = 300ms});
  kafka::Settings with = settings();
  std::atomic<bool> pauses{false};
  with.on_point = [&pauses](std::string_view point) {
    if (point == "records are staged" && pauses.exchange(false)) std::this_thread::sleep_for(1s);
  };
  with.reading_threads = 1;
  const auto run = app.start(with);
  const auto write = [&](std::int64_t id, std::int64_t time, int partition) {
    kafka_cluster::write(topic, {{.key = {}, .value = json({id, "Ada", time}), .partition = partition}});
  };
  write(1, 1, 0);
  write(2, 1, 1);
  await("the first", [&] { return run->status().records_read == 2; });
  pauses = true;
  write(3, 2, 0);
  await("the pause", [&] { return !pauses; });
  for (std::int64_t i = 0; i < 40; ++i) write(10 + i, 10 + i, static_cast<int>(i % 2));
  await("the rest", [&] { return run->status().records_read == 43; });
  run->stop();
  CHECK(run->runtime().snapshot()[ids].size() == 43);
}

TEST_CASE("a partition without news is idle after a while, and holds the watermark back no longer", "[kafka]") {
  const std::string topic = kafka_cluster::make_topic("orders", 2);
  ls::Dataflow flow;
  const auto in = flow.input<Order>("orders", {}, ls::event_time(&Order::id, 0));
  kafka::Application app("idle-" + topic, flow);
  app.read(in, topic, kafka::json(), {.idle_after = 200ms});
  const auto run = app.start(settings());
  const auto watermark = [&] { return run->runtime().latest().watermark(in); };
  kafka_cluster::write(topic, {{.key = {}, .value = json({5, "", 0}), .partition = 0}});
  await("a record", [&] { return run->status().records_read == 1; });
  await("the watermark", [&] { return watermark() == 5; });
  kafka_cluster::write(topic, {{.key = {}, .value = json({7, "", 0}), .partition = 1}});
  await("the watermark", [&] { return watermark() == 7; });
  run->stop();
}

TEST_CASE("a client that does not end, as librdkafka's do for a topic that was deleted, is left after a while",
          "[kafka]") {
  const std::string topic = kafka_cluster::make_topic("orders", 1);
  kafka_cluster::write(topic, values({"a"}));
  std::atomic<int> left{0};
  const auto log = [&left](kafka::LogLevel, const std::string& text) {
    if (text.find("does not end, and is left") != std::string::npos) ++left;
  };
  kafka::Consumer::Batch held;  // what keeps it from ending
  {
    kafka::Consumer consumer(kafka_cluster::properties(), "held", log);
    consumer.know(topic);
    consumer.add({{{topic, 0}, 0, 0}});
    await("a record", [&] {
      consumer.poll(50ms, 1, held);
      return !held.empty() && held.is_record(0);
    });
  }
  CHECK(left == 1);
}

TEST_CASE("offsets of a group that could not be shown are shown later", "[kafka]") {
  const std::string topic = kafka_cluster::make_topic("orders", 1);
  std::atomic<int> told{0};
  const auto log = [&told](kafka::LogLevel, const std::string& text) {
    if (text.find("could not be shown") != std::string::npos) ++told;
  };
  kafka::Consumer consumer(kafka_cluster::properties(), "group-of-" + topic, log);
  consumer.commit({{{topic, 3}, 17}});
  const auto tries = [&] {
    consumer.commit({});
    std::this_thread::sleep_for(20ms);
  };
  await("a refusal", [&] {
    tries();
    return told == 1;
  });
  for (int i = 0; i < 5; ++i) tries();
  CHECK(told == 1);
  kafka_cluster::grow_topic(topic, 4);
  await("its offset", [&] {
    tries();
    return kafka_cluster::committed("group-of-" + topic, topic, 3) == 17;
  });
}
