#include <algorithm>
#include <catch2/catch.hpp>
#include <lockstep_kafka.hpp>

#include "kafka/test_driver.hpp"

// Applications without a broker: what goes between topics and the dataflow.

namespace ls = lockstep;
namespace kafka = lockstep::kafka;
using Catch::Matchers::Contains;
using kafka::TestRecord;
using Number = std::int64_t;
using Records = std::vector<TestRecord>;
using Upserts = std::map<std::string, std::string>;

namespace {

struct Order {
  Number id;
  std::string customer;
  Number amount;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id, customer, amount))

TestRecord record(std::optional<std::string> key, std::optional<std::string> value) {
  return {.key = std::move(key), .value = std::move(value)};
}
TestRecord value(std::string text) { return record(std::nullopt, std::move(text)); }

std::vector<std::string> values(const Records& records) {
  std::vector<std::string> values;
  for (const TestRecord& one : records) values.push_back(one.value.value_or("null"));
  std::sort(values.begin(), values.end());
  return values;
}

/// A topic of orders in, and what there is of each customer out.
struct Totals {
  ls::Dataflow flow;
  ls::Input<Order> in = flow.input<Order>("orders");
  ls::KeyedOutput<std::string, Number> out =
      in | ls::group_by(&Order::customer, ls::sum(&Order::amount)).named("totals") | ls::output("totals");
};

}  // namespace

TEST_CASE("an application runs without a broker: records in, a step, records out", "[driver]") {
  Totals totals;
  kafka::Application app("totals", totals.flow);
  app.read(totals.in, "orders", kafka::json());
  app.write(totals.out, "totals", kafka::upsert(kafka::text(), kafka::text()));
  kafka::TestDriver driver(app, {.workers = GENERATE(1U, 3U)});
  driver.write("orders", R"({"id":1,"customer":"Ada","amount":10})");
  driver.write("orders", R"({"id":2,"customer":"Ada","amount":7})");
  CHECK(driver.read("totals").empty());
  driver.step();
  CHECK(driver.read("totals") == Records{record("Ada", "17")});
  CHECK(driver.read("totals").empty());
  driver.write("orders", R"({"id":3,"customer":"Grace","amount":1})");
  driver.step();
  CHECK(driver.read("totals") == Records{record("Grace", "1")});
  CHECK(driver.upserts("totals") == Upserts{{"Ada", "17"}, {"Grace", "1"}});
  CHECK_THROWS_WITH(driver.write("other", "x"), Contains("reads no topic 'other'"));
  CHECK_THROWS_WITH(driver.read("orders"), Contains("writes no topic 'orders'"));
}

TEST_CASE("a record without a value, of a key that is not there, changes nothing and is not refused", "[driver]") {
  ls::Dataflow flow;
  const auto orders = flow.table<Order>("orders", &Order::id);
  const auto rows = orders | ls::output("rows");
  kafka::Application app("orders", flow);
  app.read(orders, "orders", kafka::upsert(kafka::text(), kafka::json()));
  app.write(rows, "rows", kafka::upsert(kafka::text(), kafka::csv()));
  kafka::TestDriver driver(app);
  driver.write("orders", record("1", std::nullopt));
  driver.write("orders", record("2", R"({"id":2,"customer":"Ada","amount":7})"));
  driver.write("orders", record("2", std::nullopt));
  driver.write("orders", record("2", std::nullopt));
  const ls::Step step = driver.step();
  CHECK(driver.read("rows").empty());
  CHECK(step[ls::ledger(orders)].size() == 0);
}

TEST_CASE("a record whose key is not that of its row is refused, unless any key will do", "[driver]") {
  ls::Dataflow flow;
  const auto orders = flow.table<Order>("orders", &Order::id);
  const auto rows = orders | ls::output("rows");
  kafka::Application app("orders", flow);
  const auto format = kafka::upsert(kafka::text(), kafka::json());
  const bool any = GENERATE(false, true);
  app.read(orders, "orders", any ? format.with_any_keys() : format);
  kafka::TestDriver driver(app);
  driver.write("orders", record("1", R"({"id":1,"customer":"Ada","amount":7})"));
  driver.write("orders", record("1", R"({"id":2,"customer":"Ada","amount":7})"));
  driver.write("orders", record("one", R"({"id":3,"customer":"Ada","amount":7})"));
  driver.write("orders", record(std::nullopt, R"({"id":4,"customer":"Ada","amount":7})"));
  driver.write("orders", record("five", std::nullopt));
  const ls::Step step = driver.step();
  CHECK(step[rows].size() == (any ? 4 : 2));
  std::vector<std::string> reasons;
  for (const auto& [row, weight] : step[ls::ledger(orders)]) reasons.push_back(row.reason);
  std::sort(reasons.begin(), reasons.end());
  const std::string no_key = "the key: it is not a whole number";
  CHECK(reasons == (any ? std::vector<std::string>{"orders[0]@4: " + no_key}
                        : std::vector<std::string>{"orders[0]@1: the record's key is not that of its row",
                                                   "orders[0]@2: " + no_key, "orders[0]@4: " + no_key}));
}

TEST_CASE("weighted records are any Z-set, in and out", "[driver]") {
  ls::Dataflow flow;
  const auto in = flow.input<Order>("orders");
  const auto pairs = flow.input<std::pair<std::string, Number>>("pairs");
  const auto out = in | ls::output("out");
  const auto by_customer = in | ls::key_by(&Order::customer) | ls::output("by customer");
  const auto pairs_out = pairs | ls::output("pairs out");
  kafka::Application app("weighted", flow);
  app.read(in, "orders", kafka::weighted(kafka::json()));
  app.read(pairs, "pairs", kafka::weighted(kafka::keyed(kafka::text(), kafka::csv())));
  app.write(out, "out", kafka::weighted(kafka::csv()));
  app.write(by_customer, "by-customer", kafka::weighted(kafka::keyed(kafka::text(), kafka::json())));
  app.write(pairs_out, "pairs-out", kafka::weighted(kafka::keyed(kafka::text(), kafka::csv())));
  kafka::TestDriver driver(app);
  driver.write("orders", R"({"weight":3,"row":{"id":1,"customer":"Ada, Countess","amount":10}})");
  driver.write("orders", R"({"weight":-5,"row":{"id":2,"customer":"Grace","amount":1}})");
  driver.write("pairs", record("key", "-2,7"));
  driver.step();
  CHECK(values(driver.read("out")) == std::vector<std::string>{"-5,2,Grace,1", "3,1,\"Ada, Countess\",10"});
  CHECK(values(driver.read("by-customer")) ==
        std::vector<std::string>{R"({"weight":-5,"row":{"id":2,"customer":"Grace","amount":1}})",
                                 R"({"weight":3,"row":{"id":1,"customer":"Ada, Countess","amount":10}})"});
  CHECK(driver.read("pairs-out") == Records{record("key", "-2,7")});
}

TEST_CASE("rows that come are records: their values, with their keys, or all that a record has", "[driver]") {
  using Pair = std::pair<std::string, Number>;
  using Whole = kafka::Record<Number>;
  ls::Dataflow flow;
  const auto in = flow.input<Pair>("in", {.append_only = true});
  const auto rows = in | ls::output("rows");
  const auto wholes = in | ls::map([](const Pair& pair) {
                        Whole whole;
                        whole.value = pair.second;
                        whole.key = "<" + pair.first + ">";
                        whole.timestamp += std::chrono::milliseconds(pair.second);
                        whole.timestamp_kind = kafka::TimestampKind::create;
                        whole.headers = {{"from", pair.first}, {"empty", ""}, {"none", std::nullopt}};
                        return whole;
                      }) |
                      ls::output("wholes");
  kafka::Application app("rows", flow);
  app.read(in, "in", kafka::keyed(kafka::text(), kafka::text()));
  app.write(rows, "values", kafka::json());
  app.write(rows, "keyed", kafka::keyed(kafka::text(), kafka::text()));
  app.write(wholes, "wholes", kafka::record(kafka::text()));
  kafka::TestDriver driver(app);
  driver.write("in", record("a", "7"));
  driver.write("in", record("a", "7"));
  driver.step();
  CHECK(driver.read("values") == Records{value(R"(["a",7])"), value(R"(["a",7])")});
  CHECK(driver.read("keyed") == Records{record("a", "7"), record("a", "7")});
  TestRecord whole = record("<a>", "7");
  whole.timestamp = 7;
  whole.headers = {{"from", "a"}, {"empty", ""}, {"none", std::nullopt}};
  CHECK(driver.read("wholes") == Records{whole, whole});
}

TEST_CASE("pairs of optional parts are records that may have no key, or no value", "[driver]") {
  using Pair = std::pair<std::optional<std::string>, std::optional<Number>>;
  ls::Dataflow flow;
  const auto pairs = flow.input<Pair>("pairs", {.append_only = true});
  const auto out = pairs | ls::output("out");
  kafka::Application app("pairs", flow);
  app.read(pairs, "pairs", kafka::keyed(kafka::text(), kafka::json()));
  app.write(out, "out", kafka::keyed(kafka::text(), kafka::json()));
  kafka::TestDriver driver(app);
  const Records records = {record("a", "1"), record("b", std::nullopt), record(std::nullopt, "2"),
                           record(std::nullopt, std::nullopt), record("", "3")};
  for (const TestRecord& one : records) driver.write("pairs", one);
  const ls::Step step = driver.step();
  CHECK(step[ls::ledger(pairs)].size() == 0);
  CHECK(step[out].size() == records.size());
  const Records written = driver.read("out");
  CHECK(std::is_permutation(written.begin(), written.end(), records.begin(), records.end()));
}

TEST_CASE("what comes late is in the ledger alone, since nothing is wrong with its record", "[driver]") {
  ls::Dataflow flow;
  const auto orders = flow.input<Order>("orders", {}, ls::event_time(&Order::amount, 5));
  kafka::Application app("orders", flow);
  app.read(orders, "orders", kafka::json(), {.dead_letters = "dead"});
  kafka::TestDriver driver(app);
  driver.write("orders", R"({"id":1,"customer":"Ada","amount":100})");
  driver.step();
  driver.write("orders", R"({"id":2,"customer":"Ada","amount":94})");
  driver.write("orders", "no order");
  const ls::Step step = driver.step();
  CHECK(step[ls::ledger(orders)].size() == 2);
  CHECK(values(driver.read("dead")) == std::vector<std::string>{"no order"});
}

TEST_CASE("what a user's function throws of a sink is told as a run does", "[driver]") {
  Totals totals;
  kafka::Application app("totals", totals.flow);
  app.read(totals.in, "orders", kafka::json());
  const auto fails = [](const std::string&, std::int32_t) -> std::int32_t { throw std::runtime_error("no"); };
  app.write(totals.out, "totals", kafka::upsert(kafka::text(), kafka::text()), {.partition = fails});
  kafka::TestDriver driver(app);
  driver.write("orders", R"({"id":1,"customer":"Ada","amount":10})");
  CHECK_THROWS_WITH(driver.step(), "output 'totals' cannot be written to topic 'totals' at step 1: no");
}

TEST_CASE("sinks choose partitions, and add headers", "[driver]") {
  Totals totals;
  kafka::Application app("partitions", totals.flow);
  app.read(totals.in, "orders", kafka::csv());
  app.write(totals.out, "totals", kafka::upsert(kafka::text(), kafka::text()),
            {.partition = [](const std::string& key,
                             std::int32_t partitions) { return static_cast<std::int32_t>(key.size()) % partitions; },
             .headers = [](const std::string& key, kafka::Headers& headers) { headers.emplace_back("of", key); }});
  kafka::TestDriver driver(app, {}, 4);
  driver.write("orders", "1,Ada,10");
  driver.step();
  TestRecord expected = record("Ada", "10");
  expected.partition = 3;
  expected.headers = {{"of", "Ada"}};
  CHECK(driver.read("totals") == Records{expected});
}

TEST_CASE("what a format refuses is in the ledger, and as it was in a topic of dead letters", "[driver]") {
  Totals totals;
  kafka::Application app("letters", totals.flow);
  app.read(totals.in, "orders", kafka::json(), {.dead_letters = "orders.dead"});
  app.write(totals.out, "totals", kafka::upsert(kafka::text(), kafka::text()));
  kafka::TestDriver driver(app);
  TestRecord poison = record("a key", std::string("{\"id\":\xff\0}", 9));
  poison.partition = 2;
  poison.timestamp = 1234;
  poison.headers = {{"trace", "17"}};
  driver.write("orders", poison);
  driver.write("orders", record(std::nullopt, std::nullopt));
  driver.write("orders", R"({"id":3,"customer":"Grace","amount":1})");
  CHECK(driver.read("orders.dead").empty());
  const ls::Step step = driver.step();
  CHECK(step[ls::ledger(totals.in)].size() == 2);
  const Records letters = driver.read("orders.dead");
  REQUIRE(letters.size() == 2);
  const TestRecord& letter = letters[0].key ? letters[0] : letters[1];
  CHECK(letter.key == poison.key);
  CHECK(letter.value == poison.value);
  CHECK(letter.timestamp == 1234);
  REQUIRE(letter.headers.size() == 5);
  CHECK(letter.headers[0] == std::pair<std::string, std::optional<std::string>>("trace", "17"));
  CHECK(letter.headers[1].first == "lockstep.reason");
  CHECK(kafka::Headers(letter.headers.begin() + 2, letter.headers.end()) ==
        kafka::Headers{{"lockstep.topic", "orders"}, {"lockstep.partition", "2"}, {"lockstep.offset", "0"}});
  CHECK(driver.upserts("totals") == Upserts{{"Grace", "1"}});
}

namespace {

/// The format of the documentation; with something that its author has not thought of.
struct Backwards : kafka::Format<std::string> {
  void encode(std::string& out, const std::string& value) const override { out.append(value.rbegin(), value.rend()); }
  std::string decode(std::string_view bytes) const override {
    if (bytes.empty()) throw kafka::FormatError("there is nothing");  // to the ledger, with its place
    if (bytes == "17") throw std::out_of_range("stoi");
    return {bytes.rbegin(), bytes.rend()};
  }
};
struct MakeBackwards {
  template <class T>
  std::shared_ptr<const kafka::Format<T>> of() const {
    return std::make_shared<const Backwards>();
  }
};

}  // namespace

TEST_CASE("a format may be of a user, and what it throws beside its own error ends the run with the place",
          "[driver]") {
  ls::Dataflow flow;
  const auto in = flow.input<std::string>("words", {.append_only = true});
  const auto out = in | ls::output("out");
  kafka::Application app("own", flow);
  app.read(in, "words", MakeBackwards());
  app.write(out, "out", MakeBackwards());
  app.write(out, "plain", kafka::text());
  kafka::TestDriver driver(app);
  driver.write("words", "abc");
  driver.write("words", "");
  const ls::Step step = driver.step();
  CHECK(driver.read("out") == Records{value("abc")});
  CHECK(driver.read("plain") == Records{value("cba")});
  CHECK(step[ls::ledger(in)].size() == 1);
  CHECK_THROWS_WITH(driver.write("words", "17"), "record words[0]@2: stoi");
}

TEST_CASE("the ledger shows what it refuses as text that is UTF-8, however long it is", "[driver]") {
  ls::Dataflow flow;
  const auto in = flow.input<Number>("in");
  kafka::Application app("ledger", flow);
  app.read(in, "in", kafka::json());
  app.write(ls::ledger(in), "ledger", kafka::json());
  kafka::TestDriver driver(app);
  std::string longest;
  for (int i = 0; i < 400; ++i) longest += "€\xff\xe2\x82";
  driver.write("in", longest);
  driver.step();
  const Records refused = driver.read("ledger");
  REQUIRE(refused.size() == 1);
  const ls::LedgerRow row = kafka::json().of<ls::LedgerRow>()->decode(*refused[0].value);
  CHECK_THAT(row.row, Catch::Matchers::StartsWith("€\\xff\\xe2\\x82€\\xff") && Catch::Matchers::EndsWith("..."));
  CHECK(row.row.size() < 1'100);
}

TEST_CASE("a text that is not UTF-8 cannot be written as JSON, and is no JSON that nobody can read", "[driver]") {
  ls::Dataflow flow;
  const auto in = flow.input<std::string>("in", {.append_only = true});
  const auto out = in | ls::output("out");
  kafka::Application app("texts", flow);
  app.read(in, "in", kafka::text());
  app.write(out, "out", kafka::json());
  kafka::TestDriver driver(app);
  driver.write("in", "gr\xc3\xbc\xc3\x9f");
  driver.step();
  CHECK(values(driver.read("out")) == std::vector<std::string>{"\"gr\xc3\xbc\xc3\x9f\""});
  driver.write("in", "half of a character: \xc3");
  CHECK_THROWS_WITH(driver.step(), Contains("a text of the row is not UTF-8"));
}

TEST_CASE("partitions hold the watermark back as in a run, until they have had something or are idle", "[driver]") {
  ls::Dataflow flow;
  const auto orders = flow.input<Order>("orders", {}, ls::event_time(&Order::amount, 5));
  kafka::Application app("orders", flow);
  app.read(orders, "orders", kafka::json(), {.idle_after = std::chrono::seconds(1)});
  kafka::TestDriver driver(app, {}, 2);
  const auto write = [&](Number at, int partition) {
    driver.write("orders", TestRecord{.key = {},
                                      .value = R"({"id":1,"customer":"Ada","amount":)" + std::to_string(at) + "}",
                                      .partition = partition});
  };
  write(100, 0);
  CHECK(!driver.step().watermark(orders));
  write(50, 1);
  CHECK(driver.step().watermark(orders) == 45);
  driver.set_idle("orders", 1);
  CHECK(driver.step().watermark(orders) == 95);
  write(90, 1);
  write(97, 1);
  const ls::Step step = driver.step();
  REQUIRE(step[ls::ledger(orders)].size() == 1);
  CHECK(step[ls::ledger(orders)].begin()->row.reason == "late: the watermark is 95");
  write(200, 2);  // a partition that was found later
  CHECK(driver.step().watermark(orders) == 95);
  CHECK_THROWS_WITH(driver.set_idle("orders", 3), Contains("reads no orders[3] that may be idle"));
}

TEST_CASE("topics are read by a pattern", "[driver]") {
  Totals totals;
  kafka::Application app("pattern", totals.flow);
  app.read(totals.in, kafka::pattern("orders-.*"), kafka::csv());
  app.write(totals.out, "totals", kafka::upsert(kafka::text(), kafka::text()));
  kafka::TestDriver driver(app);
  driver.write("orders-de", "1,Ada,10");
  driver.write("orders-fr", "1,Ada,1");
  driver.step();
  CHECK(driver.upserts("totals") == Upserts{{"Ada", "11"}});
  CHECK_THROWS_AS(driver.write("more-orders-de", "1,Ada,10"), ls::UsageError);
  CHECK_THROWS_WITH(app.read(totals.in, kafka::pattern("("), kafka::csv()),
                    Contains("'(', which is no regular expression"));
}
