#include <atomic>

#include "kafka/client/consumer.hpp"
#include "kafka/run/topic_check.hpp"
#include "tests/kafka_run.hpp"

// What becomes of a topic that loses records, goes, or is made again.

using namespace kafka_run;
using Catch::Matchers::Contains;

TEST_CASE("offsets that are gone, or beyond the end, are errors that name them", "[kafka]") {
  State state;
  Totals totals(1);
  kafka_cluster::write(totals.orders, values({json({1, "Ada", 10}), json({2, "Ada", 10})}));
  run_to_end(totals.app, settings(state.path));
  kafka_cluster::write(totals.orders, values({json({3, "Ada", 10}), json({4, "Ada", 10})}));
  kafka_cluster::delete_records(totals.orders, 0, 3);
  CHECK_THROWS_WITH(run_to_end(totals.app, settings(state.path)),
                    Contains(totals.orders + "[0] has to be read from offset 2, and the first that is there is 3"));
}

TEST_CASE("a topic that was made again is known by what was read last, however much is in it", "[kafka]") {
  State state;
  Totals totals(2);
  const auto order = [](std::int64_t id, int partition) {
    return Record{.key = {}, .value = json({id, "Ada", 1}), .partition = partition};
  };
  const std::vector<Record> first = {order(1, 0), order(2, 0), order(3, 1)};
  kafka_cluster::write(totals.orders, first);
  run_to_end(totals.app, settings(state.path));
  kafka_cluster::write(totals.orders, {order(4, 0)});
  run_to_end(totals.app, settings(state.path));
  run_to_end(totals.app, settings(state.path));  // which reads nothing, and knows it all the same
  kafka_cluster::make_topic_again(totals.orders, 2);
  kafka_cluster::write(totals.orders, first);
  kafka_cluster::write(totals.orders, {order(5, 0), order(6, 0)});
  CHECK_THROWS_WITH(run_to_end(totals.app, settings(state.path)),
                    Contains(totals.orders + "[") && Contains("is not what was read there: the topic was made again"));
}

TEST_CASE("a topic that is made again while it is read ends the run, and no checkpoint has what is of another topic",
          "[kafka]") {
  State state;
  Totals totals(2);
  const auto order = [](std::int64_t id, int partition) {
    return Record{.key = {}, .value = json({id, "Ada", 1}), .partition = partition};
  };
  kafka_cluster::write(totals.orders, {order(1, 0), order(2, 0)});
  enum class Looks : std::uint8_t { now_and_then, at_checkpoints, at_the_end };
  const Looks looks = GENERATE(Looks::now_and_then, Looks::at_checkpoints, Looks::at_the_end);
  const bool has_state = looks != Looks::now_and_then;
  kafka::Settings with = settings(has_state ? state.path : std::filesystem::path());
  if (has_state) with.partitions_every = 0ms;
  if (looks == Looks::at_the_end) with.checkpoint_every = 1h;
  auto run = totals.app.start(with);
  await("the first", [&] { return run->status().records_read == 2; });
  await("a checkpoint of them", [&] { return looks != Looks::at_checkpoints || run->status().last_checkpoint > 1; });
  kafka_cluster::make_topic_again(totals.orders, 2);
  std::vector<Record> others;
  for (int i = 0; i < 100; ++i) others.push_back(order(100 + i, i % 2));
  kafka_cluster::write(totals.orders, others);
  const auto ends = [&] {
    await("an error", [&] {
      const bool has_read_all = run->status().records_read >= others.size();  // but those that are before
      return !run->runs() || (looks == Looks::at_the_end && has_read_all);
    });
    run->stop();
  };
  // As it is noticed: there are other records, or not yet as many.
  CHECK_THROWS_WITH(ends(),
                    Contains(totals.orders + "[") && (Contains("was made again") || Contains("was truncated, or")));
  run.reset();
  if (looks == Looks::at_checkpoints) {
    CHECK_THROWS_WITH(run_to_end(totals.app, settings(state.path)),
                      Contains(totals.orders + "[") && Contains("was made again"));
  }
}

TEST_CASE("a topic that goes while it is read ends the run, bounded or not", "[kafka]") {
  Totals totals(1);
  std::vector<std::string> rows;
  for (int i = 0; i < 5'000; ++i) rows.push_back(json({i, "Ada", 1}));
  kafka_cluster::write(totals.orders, values(rows));
  kafka::Settings with = settings();
  with.until_end = GENERATE(false, true);
  std::atomic<bool> goes_on{false};
  with.properties["queued.min.messages"] = "100";
  with.properties["fetch.message.max.bytes"] = "5000";
  with.on_point = [&goes_on](std::string_view point) {
    for (int i = 0; point == "records are staged" && !goes_on && i < 10'000; ++i) std::this_thread::sleep_for(1ms);
  };
  const auto run = totals.app.start(with);
  await("some", [&] { return run->status().records_read > 0; });
  const auto ends = [&] {
    await("an error", [&] { return !run->runs(); });
    run->stop();
  };
  SECTION("for good") {
    kafka_cluster::delete_topic(totals.orders);
    goes_on = true;
    // Or, where all had been fetched, as it looks at its end.
    CHECK_THROWS_WITH(ends(), Contains(totals.orders + "[0] is read, and is not there any more") ||
                                  Contains("there is no topic '" + totals.orders));
  }
  SECTION("and there is another one, which is shorter") {
    kafka_cluster::make_topic_again(totals.orders, 1);
    kafka_cluster::write(totals.orders, values({json({1, "Ada", 1})}));
    goes_on = true;
    CHECK_THROWS_WITH(ends(), Contains(totals.orders + "[0]") && (Contains("was truncated, or is another one") ||
                                                                  Contains("made again, or truncated")));
  }
}

TEST_CASE("a topic that loses what has been read is read on", "[kafka]") {
  State state;
  Totals totals(1);
  const auto run = totals.app.start(settings(state.path));
  for (int i = 0; i < 10; ++i) {
    kafka_cluster::write(totals.orders, values({json({i, "Ada", 1})}));
    await("it", [&] { return run->status().records_read == static_cast<std::uint64_t>(i + 1); });
    if (i % 2 == 0) kafka_cluster::delete_records(totals.orders, 0, i + 1);
    std::this_thread::sleep_for(i % 3 == 0 ? 150ms : 0ms);  // for a checkpoint, or none
  }
  run->stop();
  CHECK(kafka_cluster::read_upserts(totals.totals) == Upserts{{"Ada", "[10,10]"}});
}

TEST_CASE("what was read last may be gone, or be followed by what is no record", "[kafka]") {
  State state;
  Totals totals(1);
  kafka_cluster::write_in_transaction(totals.orders, values({json({1, "Ada", 1}), json({2, "Ada", 1})}), true);
  kafka_cluster::write_in_transaction(totals.orders, values({json({3, "Ada", 1})}), false);
  run_to_end(totals.app, settings(state.path));
  run_to_end(totals.app, settings(state.path));
  kafka_cluster::write(totals.orders, values({json({4, "Ada", 1})}));
  kafka_cluster::delete_records(totals.orders, 0, 5);
  run_to_end(totals.app, settings(state.path));
  CHECK(kafka_cluster::read_upserts(totals.totals) == Upserts{{"Ada", "[3,3]"}});
}

TEST_CASE("a topic that was made again is known by an earlier record, where none is at the place of the last",
          "[kafka]") {
  const std::string topic = kafka_cluster::make_topic("orders", 1);
  kafka_cluster::write(topic, values({"a", "b", "c", "d"}));
  std::vector<kafka::LastRecord> read;
  {
    kafka::Consumer consumer(kafka_cluster::properties(), "reads", {});
    consumer.know(topic);
    consumer.add({{{topic, 0}, 0, 0}});
    kafka::Consumer::Batch batch;
    await("records", [&] {
      consumer.poll(50ms, 10, batch);
      for (std::size_t at = 0; at < batch.size(); ++at) {
        if (batch.is_record(at)) read.emplace_back(batch.record(at));
      }
      return read.size() == 4;
    });
  }
  std::vector<std::string> told;
  const auto log = [&told](kafka::LogLevel level, const std::string& text) {
    if (level == kafka::LogLevel::warning && text.find("cannot be seen") != std::string::npos) told.push_back(text);
  };
  kafka::Consumer client(kafka_cluster::properties(), "asks", {});
  kafka::TopicCheck check(kafka_cluster::properties(), "looks", log);
  std::vector<kafka::TopicCheck::Known> known = {{{topic, 0}, 4, {read[3], read[1]}}};
  const auto look = [&] { return check.look(known, client, {}, 20s); };
  CHECK(look() == std::nullopt);
  CHECK(known.front().records.size() == 2);
  kafka_cluster::make_topic_again(topic, 1);
  const auto await_end = [&](std::int64_t end) {
    await("the marker", [&] { return client.offsets({topic, 0}).end == end; });
  };
  SECTION("when there are other records") {
    kafka_cluster::write(topic, values({"d", "c"}));
    kafka_cluster::write_in_transaction(topic, values({"b"}), true);  // at 2, and its marker where d was
    await_end(4);
    kafka_cluster::write(topic, values({"a"}));
    CHECK_THROWS_WITH(look(), Contains("what is at offset 1 now is not what was read there"));
  }
  SECTION("when there is none at these places, the log says that it cannot be known") {
    kafka_cluster::write_in_transaction(topic, values({"a"}), true);
    await_end(2);
    kafka_cluster::write_in_transaction(topic, values({"b"}), true);
    await_end(4);
    kafka_cluster::write(topic, values({"c"}));
    CHECK(look() == std::nullopt);
    CHECK(known.front().records.empty());
    REQUIRE(told.size() == 1);
    CHECK_THAT(told.front(), Contains(topic + "[0]: no record is at offset 3 any more"));
  }
  SECTION("when it is shorter") {
    kafka_cluster::write(topic, values({"a"}));
    CHECK_THROWS_WITH(look(), Contains("has been read up to offset 4, and ends at 1"));
  }
}

TEST_CASE("a topic that is compacted is read on, whatever has gone of what was read", "[kafka]") {
  const std::string topic = kafka_cluster::make_topic(
      "orders", 1, {{"cleanup.policy", "compact"}, {"min.cleanable.dirty.ratio", "0.0001"}, {"segment.ms", "100"}});
  const std::string out = kafka_cluster::make_topic("rows", 1);
  ls::Dataflow flow;
  const auto orders = flow.table<Order>("orders", &Order::id);
  const auto rows = orders | ls::output("rows");
  kafka::Application app("compacted-" + topic, flow);
  app.read(orders, topic, kafka::upsert(kafka::text(), kafka::json()));
  app.write(rows, out, kafka::upsert(kafka::text(), kafka::json()));
  std::int64_t amount = 0;
  const auto write = [&](std::int64_t id) {
    kafka_cluster::write(topic, {{.key = std::to_string(id), .value = json({id, "Ada", ++amount}), .partition = 0}});
  };
  const auto offsets = [&topic] {
    std::vector<std::int64_t> offsets;
    for (const Record& record : kafka_cluster::read(topic)) offsets.push_back(record.offset);
    return offsets;
  };
  State state;
  const bool goes_on = GENERATE(false, true);
  auto run = app.start(settings(state.path));
  write(0);  // which stays
  for (int i = 0; i < 5; ++i) write(1);
  await("them", [&] { return run->status().records_read == 6; });
  if (!goes_on) run.reset();
  std::this_thread::sleep_for(200ms);
  write(1);
  std::this_thread::sleep_for(200ms);
  write(2);
  await("compaction", [&] { return offsets() == std::vector<std::int64_t>{0, 6, 7}; });
  if (!goes_on) run = app.start(settings(state.path));
  await("the rest", [&] { return run->status().records_read == (goes_on ? 8U : 2U); });
  std::this_thread::sleep_for(200ms);  // it looks again
  write(1);
  await("it", [&] { return run->status().records_read == (goes_on ? 9U : 3U); });
  run->stop();
  CHECK(kafka_cluster::read_upserts(out) ==
        Upserts{{"0", json({0, "Ada", 1})}, {"1", json({1, "Ada", 9})}, {"2", json({2, "Ada", 8})}});
}
