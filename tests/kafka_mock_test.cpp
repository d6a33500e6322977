#include "tests/kafka_mock.hpp"

#include <atomic>

#include "kafka/client/consumer.hpp"
#include "kafka/client/producer.hpp"
#include "tests/kafka_run.hpp"

// What becomes of errors that a real broker makes seldom.

using namespace kafka_run;
using Catch::Matchers::Contains;

TEST_CASE("offsets of a group are shown to whoever answers for it now", "[kafka]") {
  constexpr int kOffsetCommit = 8;
  MockCluster cluster(3);
  cluster.make_topic("orders");
  cluster.set_coordinator("group", 1);
  std::atomic<int> told{0};
  const auto log = [&told](kafka::LogLevel, const std::string& text) {
    if (text.find("could not be shown") != std::string::npos) ++told;
  };
  kafka::Consumer consumer(cluster.properties(), "group", log);
  const auto shown = [&](std::int64_t offset) {
    consumer.commit({{{"orders", 0}, offset}});
    await("its offset", [&] {
      consumer.commit({});
      return consumer.committed({{"orders", 0}}).front() == offset;
    });
  };
  shown(17);
  for (const int coordinator : {2, 3}) {
    cluster.set_coordinator("group", coordinator);
    cluster.refuse(coordinator - 1, kOffsetCommit, RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
    shown(17 + coordinator);
  }
  CHECK(told == 2);
}

TEST_CASE("who writes after what is fatal to a producer hears what that was", "[kafka]") {
  constexpr int kProduce = 0;
  MockCluster cluster(1);
  cluster.make_topic("totals");
  kafka::Producer producer(cluster.properties());
  const std::size_t topic = producer.topic("totals");
  producer.produce(topic, {.key = "a", .value = "1"});
  producer.flush();
  cluster.refuse_next(kProduce, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
  producer.produce(topic, {.key = "a", .value = "2"});
  CHECK_THROWS_WITH(producer.flush(), Contains("totals[0] could not be written") && Contains("out of order"));
  CHECK_THROWS_WITH(producer.produce(topic, {.key = "a", .value = "3"}), Contains("out of order"));
}

TEST_CASE("an error of one partition ends the run while another waits for room, and that for what cannot be written",
          "[kafka]") {
  MockCluster from(1);
  MockCluster to(1);
  from.make_topic("orders", 2);
  to.make_topic("totals");
  ls::Dataflow flow;
  const auto in = flow.input<Order>("orders", {.append_only = true});
  kafka::Application app("copies", flow);
  app.read(in, "orders", kafka::json(), {.bad_records = kafka::BadRecords::fail});
  app.write(in | ls::output("copies"), "totals", kafka::json(), {.cluster = "to"});
  kafka::Settings settings;
  settings.properties = from.properties();
  settings.clusters["to"] = to.properties();
  settings.clusters["to"]["queue.buffering.max.messages"] = "1000";
  settings.reading_threads = 2;
  settings.step = {.rows = 10};
  settings.runtime.stage_bytes = 1 << 16;
  settings.stop_timeout = 100ms;
  const auto run = app.start(settings);
  to.set_down(1);
  kafka::Producer producer(from.properties());
  const std::size_t topic = producer.topic("orders");
  const auto write = [&](std::int32_t partition, const std::string& value) {
    producer.produce(topic, {.value = value, .partition = partition});
  };
  for (int i = 0; i < 100'000; ++i) write(0, json({i, "Ada", 1}));
  producer.flush();
  await("it to stand still", [&, last = run->status().records_read]() mutable {
    std::this_thread::sleep_for(500ms);
    return last == std::exchange(last, run->status().records_read);
  });
  REQUIRE(run->status().records_read < 100'000);
  write(1, "no order");
  producer.flush();
  const auto ends = [&] { await("the error", [&] { return !run->runs(); }); };
  CHECK_THROWS_WITH(ends(), Contains("orders[1]@0"));
  CHECK_THROWS_WITH(run->stop(), Contains("orders[1]@0"));
}
