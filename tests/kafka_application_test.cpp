#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tests/kafka_run.hpp"

// Applications between topics of a real broker.

using namespace kafka_run;
using Catch::Matchers::Contains;

TEST_CASE("rows of JSON from a topic become totals in another", "[kafka]") {
  Totals totals(3);
  kafka_cluster::write(totals.orders, values({json({1, "Ada", 10}), json({2, "Grace", 5}), json({3, "Ada", 7})}));
  const kafka::Status status = run_to_end(totals.app, settings());
  CHECK(status.records_read == 3);
  CHECK(kafka_cluster::read_upserts(totals.totals) == Upserts{{"Ada", "[2,17]"}, {"Grace", "[1,5]"}});
}

TEST_CASE("a topic of upserts is a table, and what goes from an output is a record without a value", "[kafka]") {
  const std::string topic = kafka_cluster::make_topic("orders", 1);
  const std::string out_topic = kafka_cluster::make_topic("large", 1);
  ls::Dataflow flow;
  const auto orders = flow.table<Order>("orders", &Order::id);
  const auto large =
      orders | ls::filter([](const Order& order) { return order.amount > 9; }).named("large") | ls::output("large");
  kafka::Application app("large-" + topic, flow);
  app.read(orders, topic, kafka::upsert(kafka::text(), kafka::json()));
  app.write(large, out_topic, kafka::upsert(kafka::text(), kafka::json()));
  const auto run = app.start(settings());
  const auto write = [&](const std::string& key, std::optional<std::string> value) {
    kafka_cluster::write(topic, {{.key = key, .value = std::move(value)}});
  };
  const auto shows = [&](const Upserts& wanted) {
    await("upserts", [&] { return kafka_cluster::read_upserts(out_topic) == wanted; });
  };
  write("1", json({1, "Ada", 10}));
  write("2", json({2, "Grace", 20}));
  shows({{"1", json({1, "Ada", 10})}, {"2", json({2, "Grace", 20})}});
  write("1", json({1, "Lovelace", 11}));
  shows({{"1", json({1, "Lovelace", 11})}, {"2", json({2, "Grace", 20})}});
  write("1", json({1, "Lovelace", 2}));
  write("2", std::nullopt);
  shows({});
  run->stop();
  const std::vector<Record> records = kafka_cluster::read(out_topic);
  CHECK(std::count_if(records.begin(), records.end(), [](const Record& one) { return !one.value; }) == 2);
  CHECK(records.size() == 5);  // one a key and step
}

TEST_CASE("a run goes on where the one before has stopped, on any number of workers", "[kafka]") {
  State state;
  Totals totals(3);
  std::int64_t id = 0;
  for (const unsigned workers : {4U, 1U, 3U}) {
    std::vector<std::string> orders;
    for (int i = 0; i < 100; ++i) orders.push_back(json({id++, fmt::format("customer {}", i % 7), 1}));
    kafka_cluster::write(totals.orders, values(orders));
    kafka::Settings with = settings(state.path);
    with.runtime.workers = workers;
    CHECK(run_to_end(totals.app, with).records_read == 100);
  }
  std::int64_t count = 0;
  for (const auto& [customer, total] : kafka_cluster::read_upserts(totals.totals)) {
    count += std::stoll(total.substr(1));
  }
  CHECK(count == 300);
  std::int64_t shown = 0;
  for (int partition = 0; partition < 3; ++partition) {
    shown += std::max<std::int64_t>(0, kafka_cluster::committed("totals-" + totals.totals, totals.orders, partition));
  }
  CHECK(shown == 300);
}

TEST_CASE("what others write in transactions is read when it is committed, and gaps in offsets are none", "[kafka]") {
  State state;
  Totals totals(1);
  const auto one = [&](std::int64_t id) { return values({json({id, "Ada", 1})}); };
  kafka_cluster::write_in_transaction(totals.orders, one(1), true);
  kafka_cluster::write_in_transaction(totals.orders, one(2), false);
  CHECK(run_to_end(totals.app, settings(state.path)).records_read == 1);
  kafka_cluster::write(totals.orders, one(3));
  CHECK(run_to_end(totals.app, settings(state.path)).records_read == 1);
  CHECK(kafka_cluster::read_upserts(totals.totals) == Upserts{{"Ada", "[2,2]"}});
  CHECK(kafka_cluster::committed("totals-" + totals.totals, totals.orders, 0) == 5);  // each ends with a mark
}

TEST_CASE("records go to the partitions that the Java client would choose for their keys", "[kafka]") {
  // What its own tests say of the hashes of these keys.
  const std::map<std::string, std::int32_t> hashes = {{"21", -973932308},
                                                      {"foobar", -790332482},
                                                      {"a-little-bit-long-string", -985981536},
                                                      {"a-little-bit-longer-string", -1486304829},
                                                      {"abc", 479470107}};
  constexpr int kPartitions = 7;
  const std::string topic = kafka_cluster::make_topic("words", 1);
  const std::string out_topic = kafka_cluster::make_topic("counts", kPartitions);
  std::vector<std::string> words;
  for (const auto& [word, hash] : hashes) words.push_back(word);
  kafka_cluster::write(topic, values(words));
  ls::Dataflow flow;
  const auto in = flow.input<std::string>("words");
  kafka::Application app("partitions-" + topic, flow);
  app.read(in, topic, kafka::text());
  app.write(in | ls::group_by(ls::value, ls::count()) | ls::output("counts"), out_topic,
            kafka::upsert(kafka::text(), kafka::text()));
  run_to_end(app, settings());
  const std::vector<Record> records = kafka_cluster::read(out_topic);
  CHECK(records.size() == hashes.size());
  for (const Record& one : records) {
    INFO(*one.key);
    CHECK(one.partition == (hashes.at(*one.key) & 0x7fffffff) % kPartitions);
  }
}

TEST_CASE("what a format refuses is in the ledger, with its topic, partition and offset", "[kafka]") {
  Totals totals(1);
  kafka_cluster::write(totals.orders, values({json({1, "Ada", 10}), R"({"id": 1.5})", json({2, "Ada", 1})}));
  kafka_cluster::write(totals.orders, {{.key = "x", .value = std::nullopt}});
  const auto ledger = ls::ledger(totals.in, ls::accumulated);
  kafka::Settings with = settings();
  with.until_end = true;
  const auto run = totals.app.start(with);
  await("the end", [&] { return !run->runs(); });
  run->stop();
  std::vector<std::string> reasons;
  for (const auto& [row, weight] : run->runtime().snapshot()[ledger]) reasons.push_back(row.reason);
  std::sort(reasons.begin(), reasons.end());
  CHECK(reasons ==
        std::vector<std::string>{totals.orders + R"([0]@1: "id": it is not a whole number, or is out of range)",
                                 totals.orders + "[0]@3: there is no value"});
  CHECK(kafka_cluster::read_upserts(totals.totals) == Upserts{{"Ada", "[2,11]"}});
}

TEST_CASE("rows may have a record's key, or all of it", "[kafka]") {
  using Pair = std::pair<std::string, std::int64_t>;
  using Whole = kafka::Record<std::int64_t>;
  const std::string topic = kafka_cluster::make_topic("numbers", 2);
  ls::Dataflow flow;
  const auto pairs = flow.input<Pair>("pairs");
  const auto wholes = flow.input<Whole>("wholes");
  const auto out = pairs | ls::output("out", ls::accumulated);
  const auto whole_out = wholes | ls::output("whole out", ls::accumulated);
  const auto ledger = ls::ledger(pairs, ls::accumulated);
  kafka::Application app("records-" + topic, flow);
  app.read(pairs, topic, kafka::keyed(kafka::text(), kafka::text()));
  app.read(wholes, topic, kafka::record(kafka::text()));
  kafka_cluster::write(topic, {{.key = "a", .value = "7", .partition = 0},
                               {.key = "a", .value = "7", .partition = 0},
                               {.key = {}, .value = "8", .partition = 1}});
  kafka::Settings with = settings();
  with.until_end = true;
  const auto run = app.start(with);
  await("the end", [&] { return !run->runs(); });
  run->stop();
  const ls::Snapshot snapshot = run->runtime().snapshot();
  std::map<Pair, ls::Weight> found;
  std::vector<Whole> whole;
  std::vector<std::string> refused;
  for (const auto& [row, weight] : snapshot[out]) found[row] += weight;
  for (const auto& [row, weight] : snapshot[whole_out]) whole.push_back(row);
  for (const auto& [row, weight] : snapshot[ledger]) refused.push_back(row.reason);
  CHECK(found == std::map<Pair, ls::Weight>{{{"a", 7}, 2}});
  CHECK(refused == std::vector<std::string>{topic + "[1]@0: there is no key"});
  REQUIRE(whole.size() == 3);
  std::sort(whole.begin(), whole.end(), [](const Whole& a, const Whole& b) {
    return std::pair(a.partition, a.offset) < std::pair(b.partition, b.offset);
  });
  CHECK(whole[1].value == 7);
  CHECK(whole[1].key == "a");
  CHECK(whole[1].offset == 1);
  CHECK(whole[1].topic == topic);
  CHECK(whole[2].key == std::nullopt);
  CHECK(whole[2].partition == 1);
  CHECK(std::chrono::system_clock::now() - whole[2].timestamp < 1h);
}

TEST_CASE("a record that is refused fails the application if it is to", "[kafka]") {
  Totals totals(1, {.bad_records = kafka::BadRecords::fail});
  kafka_cluster::write(totals.orders, values({json({1, "Ada", 10}), "{}"}));
  const auto run = totals.app.start(settings());
  const auto fails = [&] { await("a failure", [&] { return !run->runs(); }); };
  CHECK_THROWS_WITH(fails(), Contains(totals.orders + "[0]@1: field \"id\" is missing"));
  CHECK_THROWS_AS(run->stop(), kafka::KafkaError);
}

TEST_CASE("what a topic cannot say is an error when the application is described", "[kafka]") {
  ls::Dataflow flow;
  ls::Dataflow other;
  const auto in = flow.input<Order>("orders");
  const auto foreign = other.input<Order>("foreign");
  const auto by_customer = in | ls::key_by(&Order::customer) | ls::output("by customer");
  const auto rows = in | ls::output("rows");
  kafka::Application app("app", flow);
  CHECK_THROWS_WITH(app.write(by_customer, "t", kafka::upsert(kafka::text(), kafka::json())),
                    Contains("'by customer' may have several values for a key"));
  CHECK_THROWS_WITH(app.write(rows, "t", kafka::json()), Contains("rows of output 'rows' may go again"));
  CHECK_THROWS_WITH(app.read(foreign, "t", kafka::json()), Contains("'foreign' does not belong"));
  app.read(in, "t", kafka::json());
  CHECK_THROWS_WITH(app.read(in, "t", kafka::json()), Contains("'orders' reads topic 't' already"));
  CHECK_THROWS_AS(kafka::Application("", flow), ls::FlowError);
}

TEST_CASE("topics that are not there, and properties that are none, are named", "[kafka]") {
  ls::Dataflow flow;
  const auto in = flow.input<Order>("orders");
  kafka::Application app("app", flow);
  CHECK_THROWS_AS(app.start(settings()), ls::FlowError);
  app.read(in, "no-such-topic", kafka::json());
  CHECK_THROWS_WITH(app.start(settings()), Contains("'no-such-topic'"));
  kafka::Application writer("writer", flow);
  writer.read(in, kafka_cluster::make_topic("orders", 1), kafka::json());
  writer.write(in | ls::group_by(&Order::customer, ls::count()) | ls::output("counts"), "no-such-sink",
               kafka::upsert(kafka::text(), kafka::text()));
  CHECK_THROWS_WITH(writer.start(settings()), Contains("'no-such-sink'"));
  kafka::Settings wrong = settings();
  wrong.properties["no.such.property"] = "1";
  CHECK_THROWS_WITH(app.start(wrong), Contains("'no.such.property'"));
}
