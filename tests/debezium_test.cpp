#include <catch2/catch.hpp>
#include <lockstep_kafka.hpp>
#include <random>

#include "kafka/test_driver.hpp"

// Tables of a database, as Debezium tells of their changes.

namespace ls = lockstep;
namespace kafka = lockstep::kafka;
using kafka::TestRecord;
using Number = std::int64_t;
using Rows = std::map<Number, std::string>;

namespace {

struct Customer {
  Number id;
  std::string first_name;
};
BOOST_DESCRIBE_STRUCT(Customer, (), (id, first_name))

std::string row(Number id, const std::string& name) {
  return R"({"id":)" + std::to_string(id) + R"(,"firstName":")" + name + R"(","email":null})";
}
std::string event(const std::string& op, const std::string& before, const std::string& after) {
  return R"({"before":)" + before + R"(,"after":)" + after +
         R"(,"source":{"version":"2.7.0.Final","connector":"postgresql","name":"db","ts_ms":1700000000000,)"
         R"("snapshot":"false","db":"shop","sequence":"[null,\"1\"]","schema":"public","table":"customers"},"op":")" +
         op + R"(","ts_ms":1700000000001,"transaction":null})";
}
std::string with_schema(const std::string& payload) {
  return R"({"schema":{"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"}]},"payload":)" +
         payload + "}";
}
std::string key(Number id) { return R"({"id":)" + std::to_string(id) + "}"; }

/// A table of customers, read and written.
struct Customers {
  ls::Dataflow flow;
  decltype(flow.table<Customer>("customers", &Customer::id)) table = flow.table<Customer>("customers", &Customer::id);
  ls::KeyedOutput<Number, Customer> out = table | ls::output("out", ls::accumulated);
  kafka::Application app{"customers", flow};
  std::unique_ptr<kafka::TestDriver> driver;

  Customers() {
    app.read(table, "customers", kafka::debezium({.field_names = kafka::FieldNames::camel_case}));
    app.write(out, "out", kafka::debezium());
    driver = std::make_unique<kafka::TestDriver>(app);
  }
  void write(std::optional<std::string> key, std::optional<std::string> value) {
    driver->write("customers", TestRecord{.key = std::move(key), .value = std::move(value)});
  }
  Rows rows() {
    Rows rows;
    for (const auto& [row, weight] : driver->runtime().snapshot()[out]) rows[row.first] = row.second.first_name;
    return rows;
  }
  /// Why what was written last is refused.
  std::vector<std::string> refused() {
    std::vector<std::string> reasons;
    const ls::Step step = driver->step();
    for (const auto& [row, weight] : step[ls::ledger(table)]) reasons.push_back(row.reason);
    return reasons;
  }
};

}  // namespace

TEST_CASE("creates, updates, snapshots and deletes are a table, with and without schemas and before", "[debezium]") {
  Customers customers;
  const bool has_schema = GENERATE(false, true);
  const auto form = [has_schema](const std::string& text) { return has_schema ? with_schema(text) : text; };
  customers.write(form(key(1)), form(event("c", "null", row(1, "Ada"))));
  customers.write(form(key(2)), form(event("r", "null", row(2, "Grace"))));
  customers.write(form(key(3)), form(event("r", "null", row(3, "Alan"))));
  customers.driver->step();
  CHECK(customers.rows() == Rows{{1, "Ada"}, {2, "Grace"}, {3, "Alan"}});
  customers.write(form(key(1)), form(event("u", "null", row(1, "Lovelace"))));
  customers.write(form(key(2)), form(event("u", row(2, "Grace"), row(2, "Hopper"))));
  customers.write(form(key(3)), form(event("d", R"({"id":3,"firstName":null})", "null")));
  customers.write(form(key(3)), std::nullopt);
  CHECK(customers.refused().empty());
  CHECK(customers.rows() == Rows{{1, "Lovelace"}, {2, "Hopper"}});
}

TEST_CASE("what comes twice, and a new snapshot, do no harm", "[debezium]") {
  Customers customers;
  using Event = std::pair<Number, std::optional<std::string>>;
  const std::vector<Event> events = {{1, event("c", "null", row(1, "Ada"))},
                                     {1, event("u", "null", row(1, "Lovelace"))},
                                     {2, event("c", "null", row(2, "Grace"))},
                                     {2, event("d", row(2, "Grace"), "null")},
                                     {2, std::nullopt},
                                     {3, event("c", "null", row(3, "Alan"))}};
  std::mt19937_64 random(3);
  for (int round = 0; round < 50; ++round) {
    // A connector that is killed goes on from a place that it has passed already.
    for (std::size_t at = random() % events.size(); at < events.size(); ++at) {
      customers.write(key(events[at].first), events[at].second);
      if (random() % 3 == 0) REQUIRE(customers.refused().empty());
    }
    for (const auto& text : {row(1, "Lovelace"), row(3, "Alan")}) {
      customers.write(std::nullopt, event("r", "null", text));
    }
    REQUIRE(customers.refused().empty());
    REQUIRE(customers.rows() == Rows{{1, "Lovelace"}, {3, "Alan"}});
  }
}

TEST_CASE("a truncate empties the table", "[debezium]") {
  Customers customers;
  customers.write(key(1), event("c", "null", row(1, "Ada")));
  customers.driver->step();
  customers.write(key(2), event("c", "null", row(2, "Grace")));
  customers.write(std::nullopt, event("t", "null", "null"));
  customers.write(key(3), event("c", "null", row(3, "Alan")));
  CHECK(customers.refused().empty());
  CHECK(customers.rows() == Rows{{3, "Alan"}});
}

TEST_CASE("a table without a primary key is told by what was before", "[debezium]") {
  Customers customers;
  customers.write(std::nullopt, event("c", "null", row(1, "Ada")));
  customers.write(std::nullopt, event("d", row(1, "Ada"), "null"));
  CHECK(customers.refused().empty());
  CHECK(customers.rows().empty());
}

TEST_CASE("events that say nothing of a row are refused", "[debezium]") {
  Customers customers;
  const auto reason = [&](std::optional<std::string> key, const std::string& value) {
    customers.write(std::move(key), value);
    const auto reasons = customers.refused();
    REQUIRE(reasons.size() == 1);
    return reasons[0].substr(reasons[0].find(": ") + 2);
  };
  CHECK(reason(key(1), "{}") == R"(field "op" is missing)");
  CHECK(reason(key(1), event("m", "null", "null")) == R"("op": "m" is not one of c, r, u, d, t)");
  CHECK(reason(key(1), event("u", "null", "null")) == R"("after": there is no row)");
  CHECK(reason(key(1), R"({"op":"c","after":{"id":1}})") == R"("after": field "firstName" is missing)");
  CHECK(reason(key(1), R"({"op":"c","op":"d","after":null})") == R"(field "op" is there twice)");
  CHECK(reason(std::nullopt, event("d", "null", "null")) == "it has no such key as the table");
  CHECK(reason(R"({"id":1,"other":2})", event("d", "null", "null")) == "it has no such key as the table");
  CHECK(reason(R"({"id":"one"})", event("d", "null", "null")) ==
        R"("id": it is not a whole number, or is out of range)");
  CHECK(reason(key(1), "nonsense") == "it is of another type");
}

TEST_CASE("keys are read of an object of columns, or as they are", "[debezium]") {
  using Pair = std::pair<Number, std::string>;
  const auto erased = [](const std::string& text) {
    const auto format = kafka::debezium().of_table<Customer, Pair>();
    kafka::RecordView record;
    const std::string value = event("d", "null", "null");
    record.key = text;
    record.value = value;
    return ls::to_string(*format->decode(record).key);
  };
  CHECK(erased(R"({"region":7,"name":"x"})") == R"((7, "x"))");
  CHECK(erased(R"([7,"x"])") == R"((7, "x"))");
  CHECK(erased(with_schema(R"({"region":7,"name":"x"})")) == R"((7, "x"))");
  const std::string uuid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
  const auto erased_uuid = [&](const std::string& text) {
    const auto format = kafka::debezium().of_table<Customer, kafka::Uuid>();
    kafka::RecordView record;
    const std::string value = event("d", "null", "null");
    record.key = text;
    record.value = value;
    return kafka::to_text(*format->decode(record).key);
  };
  CHECK(erased_uuid("{\"id\":\"" + uuid + "\"}") == uuid);
  CHECK(erased_uuid('"' + uuid + '"') == uuid);
  CHECK_THROWS_AS(erased(R"({"region":7})"), kafka::FormatError);
  CHECK_THROWS_AS(erased(R"({"region":7,"name":"x","more":1})"), kafka::FormatError);
}

TEST_CASE("what is written is read again: c, u, d and a record without a value", "[debezium]") {
  Customers customers;
  customers.write(key(1), event("c", "null", row(1, "Ada")));
  customers.driver->step();
  customers.write(key(1), event("u", "null", row(1, "Lovelace")));
  customers.driver->step();
  customers.write(key(1), event("d", "null", "null"));
  customers.driver->step();
  const std::vector<TestRecord> records = customers.driver->read("out");
  REQUIRE(records.size() == 4);
  CHECK(records[0].value == R"({"before":null,"after":{"id":1,"first_name":"Ada"},"op":"c"})");
  CHECK(records[1].value ==
        R"({"before":{"id":1,"first_name":"Ada"},"after":{"id":1,"first_name":"Lovelace"},"op":"u"})");
  CHECK(records[2].value == R"({"before":{"id":1,"first_name":"Lovelace"},"after":null,"op":"d"})");
  CHECK(records[3].value == std::nullopt);
  for (const TestRecord& one : records) CHECK(one.key == "1");

  ls::Dataflow flow;
  const auto table = flow.table<Customer>("again", &Customer::id);
  const auto out = table | ls::output("out", ls::accumulated);
  kafka::Application app("again", flow);
  app.read(table, "again", kafka::debezium());
  kafka::TestDriver driver(app);
  for (std::size_t i = 0; i < 2; ++i) driver.write("again", records[i]);
  driver.step();
  CHECK(driver.runtime().snapshot()[out].find(1)->first_name == "Lovelace");
  for (std::size_t i = 2; i < 4; ++i) driver.write("again", records[i]);
  driver.step();
  CHECK(driver.runtime().snapshot()[out].size() == 0);
}
