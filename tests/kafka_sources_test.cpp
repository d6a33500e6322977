#include <algorithm>
#include <set>

#include "tests/kafka_run.hpp"

// Where applications read: which topics, of which clusters, from where on; and what becomes of what they refuse.

using namespace kafka_run;
using Catch::Matchers::Contains;

namespace {

/// What is read of topics of orders: their numbers.
struct Numbers {
  ls::Dataflow flow;
  ls::Input<Order> in = flow.input<Order>("orders");
  ls::Output<Order> out = in | ls::output("out", ls::accumulated);

  std::set<std::int64_t> read(const kafka::Topics& topics, const kafka::SourceOptions& options,
                              kafka::Settings with = settings(), const std::string& name = "numbers") {
    kafka::Application app(name, flow);
    app.read(in, topics, kafka::json(), options);
    with.until_end = true;
    const auto run = app.start(with);
    await("the end", [&] { return !run->runs(); });
    run->stop();
    std::set<std::int64_t> numbers;
    for (const auto& [row, weight] : run->runtime().snapshot()[out]) numbers.insert(row.id);
    return numbers;
  }
};

std::string order(std::int64_t id) { return json({id, "Ada", 1}); }
std::vector<Record> orders(std::int64_t first, std::int64_t end, int partition = 0) {
  std::vector<Record> records;
  for (; first < end; ++first) records.push_back({.key = {}, .value = order(first), .partition = partition});
  return records;
}
using Set = std::set<std::int64_t>;

}  // namespace

TEST_CASE("a partition is read from where its source says, if it was not read before", "[kafka]") {
  Numbers numbers;
  const std::string topic = kafka_cluster::make_topic("orders", 2);
  kafka_cluster::write(topic, orders(0, 4, 0));
  std::this_thread::sleep_for(20ms);
  const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  kafka_cluster::write(topic, orders(10, 12, 1));
  CHECK(numbers.read(topic, {}) == Set{0, 1, 2, 3, 10, 11});
  CHECK(numbers.read(topic, {.start = kafka::Start::latest()}).empty());
  CHECK(numbers.read(topic, {.start = kafka::Start::at(now)}) == Set{10, 11});
  CHECK(numbers.read(topic, {.start = kafka::Start::at({{{topic, 0}, 3}})}) == Set{3, 10, 11});
  CHECK_THROWS_WITH(numbers.read(topic, {.start = kafka::Start::at({{{topic, 0}, 5}})}),
                    Contains(topic + "[0] is to be read from offset 5, and what is there are 0 to 4"));
  CHECK_THROWS_WITH(numbers.read(topic, {.start = kafka::Start::at({{{topic, 2}, 0}})}),
                    Contains(topic + "[2], which is to be read from offset 0, is not there"));
}

TEST_CASE("an application takes over where a consumer group has come to", "[kafka]") {
  Numbers numbers;
  const std::string topic = kafka_cluster::make_topic("orders", 2);
  const std::string group = "group-" + topic;
  kafka_cluster::write(topic, orders(0, 4, 0));
  kafka_cluster::commit(group, topic, 0, 3);
  kafka_cluster::write(topic, orders(10, 12, 1));
  CHECK(numbers.read(topic, {.start = kafka::Start::committed(group)}) == Set{3, 10, 11});
}

TEST_CASE("topics that match a pattern are read, those that come later too, and go on after a restart", "[kafka]") {
  State state;
  Numbers numbers;
  kafka::Settings with = settings(state.path);
  const std::string first = kafka_cluster::make_topic("pattern-a", 2);
  const std::string other = kafka_cluster::make_topic("no-pattern-a", 1);
  const std::string of_process = "-" + std::to_string(getpid()) + "-";
  const kafka::Topics topics = kafka::pattern("pattern-[a-z]" + of_process + "[0-9]+");
  kafka_cluster::write(first, orders(0, 2, 1));
  kafka_cluster::write(other, orders(50, 52));
  const kafka::SourceOptions latest = {.start = kafka::Start::latest()};
  CHECK(numbers.read(topics, latest, with).empty());
  const std::string second = kafka_cluster::make_topic("pattern-b", 1);
  kafka_cluster::write(first, orders(2, 4, 0));
  kafka_cluster::write(second, orders(10, 12));
  CHECK(numbers.read(topics, latest, with) == Set{2, 3, 10, 11});

  kafka::Application app("numbers", numbers.flow);
  app.read(numbers.in, topics, kafka::json(), latest);
  auto run = app.start(with);
  const std::string third = kafka_cluster::make_topic("pattern-c", 1);
  kafka_cluster::write(third, orders(20, 23));
  await("the third topic", [&] { return run->status().records_read == 3; });
  run->stop();
  run.reset();  // and with it the directory
  kafka_cluster::delete_topic(second);
  await("its end", [&] {
    try {
      numbers.read(topics, latest, with);
      return false;
    } catch (const kafka::KafkaError& error) {
      CHECK_THAT(error.what(), Contains(second + "[0] has been read up to offset 2, and is not there"));
      return true;
    }
  });
}

TEST_CASE("what comes after a pattern has matched nothing is read from its beginning, by the next run too", "[kafka]") {
  State state;
  Numbers numbers;
  const kafka::Topics topics = kafka::pattern("later-a-" + std::to_string(getpid()) + "-[0-9]+");
  const kafka::SourceOptions latest = {.start = kafka::Start::latest()};
  CHECK(numbers.read(topics, latest, settings(state.path)).empty());
  kafka_cluster::write(kafka_cluster::make_topic("later-a", 1), orders(10, 12));
  CHECK(numbers.read(topics, latest, settings(state.path)) == Set{10, 11});
}

TEST_CASE("clusters are known by names", "[kafka]") {
  Totals totals(1);
  const std::string more = kafka_cluster::make_topic("orders", 1);
  const std::string copy = kafka_cluster::make_topic("totals", 1);
  totals.app.read(totals.in, more, kafka::json(), {.cluster = "second"});
  totals.app.write(totals.out, copy, kafka::upsert(kafka::text(), kafka::json()), {.cluster = "second"});
  kafka_cluster::write(totals.orders, values({json({1, "Ada", 10})}));
  kafka_cluster::write(more, values({json({2, "Ada", 1})}));
  kafka::Settings with = settings();
  CHECK_THROWS_WITH(totals.app.start(with), Contains("no cluster 'second'"));
  with.clusters["second"] = kafka_cluster::properties();
  run_to_end(totals.app, with);
  CHECK(kafka_cluster::read_upserts(totals.totals) == Upserts{{"Ada", "[2,11]"}});
  CHECK(kafka_cluster::read_upserts(copy) == Upserts{{"Ada", "[2,11]"}});
}

TEST_CASE("dead letters go to a topic as they were, with why and from where, once for each", "[kafka]") {
  State state;
  const std::string letters = kafka_cluster::make_topic("letters", 1);
  Totals totals(2, {.dead_letters = letters});
  const std::string poison("\"\0\xff", 3);
  kafka_cluster::write(totals.orders, {{.key = {}, .value = json({1, "Ada", 10}), .partition = 0}});
  kafka_cluster::write(totals.orders, {{.key = "its key", .value = poison, .partition = 1}});
  run_to_end(totals.app, settings(state.path));
  kafka_cluster::write(totals.orders, {{.key = {}, .value = std::nullopt, .partition = 0}});
  run_to_end(totals.app, settings(state.path));

  using Letter = kafka::RawRecord;
  ls::Dataflow flow;
  const auto in = flow.input<Letter>("letters");
  const auto out = in | ls::output("out", ls::accumulated);
  kafka::Application reader("letters", flow);
  reader.read(in, letters, kafka::record(kafka::text()));
  kafka::Settings with = settings();
  with.until_end = true;
  const auto run = reader.start(with);
  await("the end", [&] { return !run->runs(); });
  run->stop();
  std::vector<Letter> found;
  for (const auto& [row, weight] : run->runtime().snapshot()[out]) found.push_back(row);
  std::sort(found.begin(), found.end(), [](const Letter& a, const Letter& b) { return a.offset < b.offset; });
  REQUIRE(found.size() == 2);
  CHECK(found[0].key == "its key");
  CHECK(found[0].value == poison);
  CHECK(found[0].headers[0].first == "lockstep.reason");
  CHECK(kafka::Headers(found[0].headers.begin() + 1, found[0].headers.end()) ==
        kafka::Headers{{"lockstep.topic", totals.orders}, {"lockstep.partition", "1"}, {"lockstep.offset", "0"}});
  CHECK(found[1].value == std::nullopt);
  CHECK(found[1].headers[0].second == "there is no value");
}

TEST_CASE("a dead letter that is too large to be written goes without its value", "[kafka]") {
  const std::string letters = kafka_cluster::make_topic("letters", 1);
  Totals totals(1, {.dead_letters = letters});
  kafka_cluster::write(totals.orders, {{.key = "its key", .value = std::string(5'000, 'x'), .partition = 0}});
  kafka_cluster::write(totals.orders, values({json({1, "Ada", 10})}));
  kafka::Settings with = settings();
  with.properties["message.max.bytes"] = "3000";
  run_to_end(totals.app, with);
  const std::vector<Record> found = kafka_cluster::read(letters);
  REQUIRE(found.size() == 1);
  CHECK(found[0].key == "its key");
  CHECK(found[0].value == std::nullopt);
  CHECK(kafka_cluster::read_upserts(totals.totals) == Upserts{{"Ada", "[1,10]"}});
}

TEST_CASE("what a user's function throws of a sink names the output, its topic and the step", "[kafka]") {
  Totals totals(1);
  totals.app.write(
      totals.out, kafka_cluster::make_topic("second", 1), kafka::upsert(kafka::text(), kafka::json()),
      {.partition = [](const std::string&, std::int32_t) -> std::int32_t { throw std::runtime_error("no"); }});
  kafka_cluster::write(totals.orders, values({json({1, "Ada", 10})}));
  CHECK_THROWS_WITH(run_to_end(totals.app, settings()),
                    Contains("output 'totals' cannot be written to topic 'second") && Contains("at step 2: no"));
}

TEST_CASE("a first step that cannot be written says why", "[kafka]") {
  State state;
  const std::string orders = kafka_cluster::make_topic("orders", 1);
  const std::string counts = kafka_cluster::make_topic("counts", 1);
  ls::Dataflow flow;
  const auto in = flow.input<Order>("orders");
  const auto by_amount = in | ls::group_by(&Order::amount, ls::count());
  kafka_cluster::write(orders, values({json({1, "Ada", 10})}));
  {
    kafka::Application before("first-" + orders, flow);
    before.read(in, orders, kafka::json());
    run_to_end(before, settings(state.path));
  }
  const auto added = by_amount | ls::output("added");  // has all of it at first
  kafka::Application app("first-" + orders, flow);
  app.read(in, orders, kafka::json());
  const auto fails = [](const std::int64_t&, std::int32_t) -> std::int32_t { throw std::runtime_error("no"); };
  app.write(added, counts, kafka::upsert(kafka::text(), kafka::json()), {.partition = fails});
  CHECK_THROWS_WITH(run_to_end(app, settings(state.path)),
                    Contains("output 'added' cannot be written to topic '" + counts) && Contains("at step 3: no"));
}

TEST_CASE("partitions that are decoded beside each other give what one thread gives", "[kafka]") {
  constexpr int kPartitions = 5;
  constexpr std::int64_t kRecords = 30'000;
  Totals totals(kPartitions);
  std::vector<Record> records;
  for (std::int64_t i = 0; i < kRecords; ++i) {
    const std::string value = i % 100 == 17 ? "poison" : json({i, "customer " + std::to_string(i % 7), i});
    records.push_back({.key = {}, .value = value, .partition = static_cast<int>(i % kPartitions)});
  }
  kafka_cluster::write(totals.orders, records);
  kafka::Settings with = settings();
  Upserts expected;
  for (const unsigned threads : {1U, 4U}) {
    with.reading_threads = threads;
    const kafka::Status status = run_to_end(totals.app, with);
    CHECK(status.records_read == kRecords);
    CHECK(status.until_end == kRecords);
    CHECK(status.until_end_done == kRecords);
    if (threads == 1) expected = kafka_cluster::read_upserts(totals.totals);
  }
  CHECK(kafka_cluster::read_upserts(totals.totals) == expected);
  std::int64_t count = 0;
  for (const auto& [customer, total] : expected) count += std::stoll(total.substr(1));
  CHECK(count == kRecords - kRecords / 100);
}

TEST_CASE("sinks write headers, timestamps and partitions as they are told", "[kafka]") {
  using Whole = kafka::Record<std::int64_t>;
  const std::string from = kafka_cluster::make_topic("numbers", 1);
  const std::string to = kafka_cluster::make_topic("wholes", 3);
  {
    ls::Dataflow flow;
    const auto in = flow.input<std::int64_t>("in", {.append_only = true});
    const auto out = in | ls::map([](std::int64_t number) {
                       Whole whole;
                       whole.value = number;
                       if (number != 2) whole.key = "key " + std::to_string(number);
                       whole.timestamp += 1'600'000'000'000ms + std::chrono::milliseconds(number);
                       whole.timestamp_kind = kafka::TimestampKind::create;
                       whole.headers = {{"empty", ""}, {"none", std::nullopt}};
                       return whole;
                     }) |
                     ls::output("out");
    kafka::Application app("wholes", flow);
    app.read(in, from, kafka::text());
    app.write(out, to, kafka::record(kafka::text()),
              {.partition = [](const Whole& row, std::int32_t) { return static_cast<std::int32_t>(row.value); },
               .headers = [](const Whole& row,
                             kafka::Headers& headers) { headers.emplace_back("value", std::to_string(row.value)); },
               .properties = {{"compression.type", "zstd"}}});
    kafka_cluster::write(from, values({"0", "1", "2"}));
    run_to_end(app, settings());
    kafka_cluster::write(from, values({"3"}));
    CHECK_THROWS_WITH(run_to_end(app, settings()), Contains("to partition 3: the topic has 3"));
  }
  ls::Dataflow flow;
  const auto in = flow.input<Whole>("in");
  const auto out = in | ls::output("out", ls::accumulated);
  kafka::Application app("wholes", flow);
  app.read(in, to, kafka::record(kafka::text()));
  kafka::Settings with = settings();
  with.until_end = true;
  const auto run = app.start(with);
  await("the end", [&] { return !run->runs(); });
  run->stop();
  std::map<std::int64_t, Whole> found;
  for (const auto& [row, weight] : run->runtime().snapshot()[out]) found[row.value] = row;
  REQUIRE(found.size() == 3);
  for (const auto& [value, row] : found) {
    CHECK(row.partition == value);
    CHECK(row.key == (value == 2 ? std::nullopt : std::optional("key " + std::to_string(value))));
    CHECK(row.timestamp.time_since_epoch() == 1'600'000'000'000ms + std::chrono::milliseconds(value));
    CHECK(row.headers == kafka::Headers{{"empty", ""}, {"none", std::nullopt}, {"value", std::to_string(value)}});
  }
}
