#include <bit>
#include <catch2/catch.hpp>
#include <chrono>
#include <limits>
#include <lockstep_kafka.hpp>
#include <random>

#include "kafka/registry/schema_registry.hpp"
#include "kafka/test_driver.hpp"
#include "tests/refusal.hpp"

// Rows as Avro, in Confluent's frame, with the schemas of writers that are not ours.

namespace ls = lockstep;
namespace kafka = lockstep::kafka;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Number = std::int64_t;

namespace {

enum class Color : std::uint8_t { red, green };
BOOST_DESCRIBE_ENUM(Color, red, green)

struct Item {
  Number id;
  std::optional<std::string> note;
  Color color;
};
BOOST_DESCRIBE_STRUCT(Item, (), (id, note, color))

struct Everything {
  std::uint64_t large;
  std::int8_t small;
  std::int32_t medium;
  bool flag;
  char32_t sign;
  float real;
  double double_real;
  std::string text;
  std::vector<Item> items;
  Item item;
  std::pair<Number, std::optional<bool>> pair;
  std::chrono::sys_time<std::chrono::milliseconds> at;
  std::chrono::sys_time<std::chrono::microseconds> finer;
  std::chrono::sys_time<std::chrono::hours> hour;
  std::chrono::sys_days day;
  std::chrono::seconds span;
  kafka::Decimal<2> amount;
  kafka::Uuid uuid;
};
BOOST_DESCRIBE_STRUCT(Everything, (),
                      (large, small, medium, flag, sign, real, double_real, text, items, item, pair, at, finer, hour,
                       day, span, amount, uuid))

kafka::FormatContext context(const std::string& topic = "topic") {
  return {.topic = topic, .properties = {{"schema.registry.url", "mock://avro"}}};
}
template <class T>
std::shared_ptr<const kafka::Format<T>> format() {
  return kafka::avro().of<T>(context());
}

/// What another writer has written, with its schema.
std::string written(const std::string& schema, const std::string& bytes) {
  const auto id = kafka::SchemaRegistry::of(context().properties)->add("other", schema);
  std::string frame(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) frame += static_cast<char>(id >> shift);
  return frame + bytes;
}
std::string of_record(const std::string& fields) { return R"({"type":"record","name":"R","fields":[)" + fields + "]}"; }
std::string of_field(const std::string& type) { return of_record(R"({"name":"x","type":)" + type + "}"); }

template <class T>
struct Field {
  T x;
  BOOST_DESCRIBE_CLASS(Field, (), (x), (), ())
};
/// What a field of this type is, that was written as one of that type.
template <class T>
T field(const std::string& type, const std::string& bytes) {
  return format<Field<T>>()->decode(written(of_field(type), bytes)).x;
}
template <class T>
std::string refusal(const std::string& bytes) {
  return refusal_by(*format<T>(), bytes);
}

}  // namespace

TEST_CASE("random rows are the same after Avro", "[avro]") {
  std::mt19937_64 random(20261128);
  const auto any = [&random] {
    const auto bits = random();
    return bits >> (random() % 64);
  };
  const auto number = [&] { return static_cast<Number>(random() % 2 == 0 ? any() : ~any()); };
  const auto text = [&] {
    std::string text;
    for (auto left = random() % 8; left != 0; --left) {
      static const std::vector<std::string> pieces = {"a", "\"", std::string(1, '\0'), "é", "𝄞"};
      text += pieces[random() % pieces.size()];
    }
    return text;
  };
  const auto item = [&] {
    Item item{};
    item.id = number();
    if (random() % 2 == 0) item.note = text();
    item.color = random() % 2 == 0 ? Color::red : Color::green;
    return item;
  };
  const auto format = ::format<Everything>();
  for (int i = 0; i < 5'000; ++i) {
    Everything row{};
    row.large = any() >> 1;
    row.small = static_cast<std::int8_t>(any());
    row.medium = static_cast<std::int32_t>(any());
    row.flag = any() % 2 == 0;
    row.sign = static_cast<char32_t>(any() % 0xd800);
    row.real = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    row.double_real = std::bit_cast<double>(random());
    row.text = text();
    for (auto left = random() % 3; left != 0; --left) row.items.push_back(item());
    row.item = item();
    row.pair.first = number();
    if (random() % 2 == 0) row.pair.second = random() % 2 == 0;
    row.at += std::chrono::milliseconds(number());
    row.finer += std::chrono::microseconds(number());
    row.hour += std::chrono::hours(number() / 4'000'000);
    row.day += std::chrono::days(static_cast<int>(number()));
    row.span = std::chrono::seconds(number());
    row.amount.units = number();
    row.uuid = {random(), random()};
    ls::row_traits<Everything>::normalise(row);
    std::string bytes;
    format->encode(bytes, row);
    Everything read = format->decode(bytes);
    ls::row_traits<Everything>::normalise(read);
    INFO(ls::to_string(row) << "\n" << ls::to_string(read));
    REQUIRE(ls::row_traits<Everything>::equal(read, row));
    bytes.resize(bytes.size() - 1 - random() % (bytes.size() - 1));
    CHECK_THROWS_AS(format->decode(bytes), kafka::FormatError);
  }
}

TEST_CASE("what is written has the schema of its row type", "[avro]") {
  CHECK(kafka::AvroFormat<Item>::schema_of({}) ==
        R"({"type":"record","name":"Item","fields":[{"name":"id","type":"long"},)"
        R"({"name":"note","type":["null","string"],"default":null},)"
        R"({"name":"color","type":{"type":"enum","name":"Color","symbols":["red","green"]}}]})");
  CHECK(kafka::AvroFormat<std::vector<std::pair<Item, Item>>>::schema_of({.name = "Pair", .name_space = "org.shop"}) ==
        R"({"type":"array","items":{"type":"record","name":"Pair","namespace":"org.shop","fields":[)"
        R"({"name":"field0","type":{"type":"record","name":"Item","fields":[{"name":"id","type":"long"},)"
        R"({"name":"note","type":["null","string"],"default":null},)"
        R"({"name":"color","type":{"type":"enum","name":"Color","symbols":["red","green"]}}]}},)"
        R"({"name":"field1","type":"Item"}]}})");
  CHECK(kafka::AvroFormat<kafka::WeightedRow<std::string>>::schema_of({}) ==
        R"({"type":"record","name":"WeightedRowbasic_stringcharchar_traitscharallocatorchar","fields":[)"
        R"({"name":"weight","type":"long"},{"name":"row","type":"string"}]})");
}

TEST_CASE("fields of a writer are found by their names: some less, some more, in another order", "[avro]") {
  const std::string schema = of_record(
      R"({"name":"color","type":{"type":"enum","name":"C","symbols":["blue","green"]}},)"
      R"({"name":"extra","type":{"type":"map","values":["null","string"]},"default":{}},{"name":"id","type":"int"})");
  const std::string bytes("\x02\x04\x02k\x02\x02v\x02l\0\0\x54", 12);
  const Item item = format<Item>()->decode(written(schema, bytes));
  CHECK(item.id == 42);
  CHECK(item.color == Color::green);
  CHECK(item.note == std::nullopt);
  CHECK(refusal<Item>(written(schema, std::string(1, '\0') + bytes.substr(1))) == "\"color\": there is no \"blue\"");
  CHECK(refusal<Item>(written(of_record(R"({"name":"id","type":"int"})"), "\x02")) ==
        "field \"color\" is missing in the writer's schema");
}

TEST_CASE("types and logical types of writers become those of rows", "[avro]") {
  CHECK(field<double>("\"int\"", "\x03") == -2);
  CHECK(field<double>("\"float\"", std::string("\0\0\xc0\x3f", 4)) == 1.5);
  CHECK(field<std::int8_t>("\"long\"", "\x03") == -2);
  CHECK(field<std::string>("\"bytes\"",
                           "\x04"
                           "ab") == "ab");
  CHECK(field<std::string>(R"({"type":"enum","name":"E","symbols":["a","b"]})", "\x02") == "b");
  CHECK(field<std::optional<Number>>("\"long\"", "\x02") == 1);
  CHECK(field<std::optional<Number>>(R"(["long","null"])", "\x02") == std::nullopt);
  CHECK(field<Number>(R"(["null","string","long"])", "\x04\x02") == 1);
  const std::string decimal = R"({"type":"bytes","logicalType":"decimal","precision":9,"scale":2})";
  CHECK(field<kafka::Decimal<2>>(decimal, "\x04\xfb\x2e").units == -1234);
  CHECK(field<kafka::Decimal<4>>(decimal, "\x04\xfb\x2e").units == -123400);
  CHECK(field<std::string>(decimal, "\x04\xfb\x2e") == "-12.34");
  CHECK(field<std::string>(decimal, std::string("\x02\x05", 2)) == "0.05");
  CHECK(field<kafka::Decimal<1>>(
            R"({"type":"fixed","name":"F","size":2,"logicalType":"decimal","precision":4,"scale":2})",
            std::string("\0\x0a", 2))
            .units == 1);
  using Milliseconds = std::chrono::sys_time<std::chrono::milliseconds>;
  CHECK(field<Milliseconds>(R"({"type":"long","logicalType":"timestamp-micros"})", "\x81\x3f").time_since_epoch() ==
        -5ms);
  CHECK(field<Milliseconds>(R"({"type":"long","logicalType":"local-timestamp-millis"})", "\x0a").time_since_epoch() ==
        5ms);
  CHECK(field<Milliseconds>(R"({"type":"int","logicalType":"date"})", "\x02").time_since_epoch() == 24h);
  CHECK(field<Milliseconds>("\"string\"",
                            "\x28"
                            "1970-01-01T00:00:01Z")
            .time_since_epoch() == 1s);
  CHECK(field<Milliseconds>(R"({"type":"long","logicalType":"timestamp-nanos"})", "\xff\x88\x7a").time_since_epoch() ==
        -1ms);
  CHECK(field<std::chrono::seconds>(R"({"type":"int","logicalType":"time-millis"})", "\xa0\x1f") == 2s);
  CHECK(field<std::chrono::microseconds>(R"({"type":"int","logicalType":"time-millis"})", "\x04") == 2ms);
  CHECK(field<std::chrono::seconds>("\"int\"", "\x04") == 2s);
  CHECK(field<std::chrono::sys_days>(R"({"type":"int","logicalType":"date"})", "\x01").time_since_epoch().count() ==
        -1);
  CHECK(field<std::string>(R"({"type":"string","logicalType":"uuid"})", "\x02x") == "x");
  using Entries = std::vector<std::pair<std::string, Number>>;
  CHECK(field<Entries>(R"({"type":"map","values":"long"})", std::string("\x04\x02"
                                                                        "a\x02\x02"
                                                                        "b\x04\0",
                                                                        8)) == Entries{{"a", 1}, {"b", 2}});
  struct Named {
    std::string name;
  };
  const std::string twice =
      of_record(R"({"name":"x","type":{"type":"fixed","name":"a.b.F","size":1}},{"name":"y","type":"a.b.F"})");
  CHECK(format<std::pair<std::string, std::string>>()->decode(written(twice, "ab")) ==
        std::pair<std::string, std::string>("a", "b"));
}

TEST_CASE("bytes that are no such value are refused, and say why", "[avro]") {
  CHECK(refusal<Item>("") == "it does not begin with the number of a schema");
  CHECK(refusal<Item>("{\"id\":1}") == "it does not begin with the number of a schema");
  CHECK(refusal<Item>(std::string("\0\x7f\0\0\0x", 6)) == "its schema, 2130706432, is not in the registry");
  CHECK_THAT(refusal<Field<Number>>(written(of_field("\"long\""), "\xff")), Contains("it ends too soon"));
  CHECK(refusal<Field<Number>>(written(of_field("\"long\""), "\x02\x02")) == "something follows the value");
  CHECK(refusal<Field<Number>>(written(of_field("\"string\""), "\x02x")) == "\"x\": it is of another type");
  CHECK(refusal<Field<std::int8_t>>(written(of_field("\"long\""), "\x80\x02")) == "\"x\": the number is out of range");
  CHECK(refusal<Field<kafka::Uuid>>(written(of_field("\"string\""), "\x02x")) == "\"x\": it is not a uuid");
  CHECK(refusal<Field<kafka::Decimal<1>>>(
            written(of_field(R"({"type":"bytes","logicalType":"decimal","precision":9,"scale":2})"), "\x04\xfb\x2e")) ==
        "\"x\": the number has more than 1 places");
  CHECK_THAT(refusal<Field<Number>>(written(of_record(R"({"name":"x","type":["null","R"]})"), "")),
             Contains("'R' is recursive"));
  CHECK_THAT(refusal<Field<std::vector<Number>>>(written(of_field(R"({"type":"array","items":"null"})"), "")),
             Contains("items have no bytes"));
  CHECK_THAT(refusal<Item>(written("nonsense", "")), Contains("its schema is none"));
  CHECK_THAT(refusal<Item>(written(R"({"type":"record"})", "")), Contains("its schema is none"));
}

TEST_CASE("what cannot be written is refused", "[avro]") {
  std::string out;
  CHECK_THROWS_WITH(format<std::uint64_t>()->encode(out, ~std::uint64_t{0}), Contains("out of range"));
  CHECK_THROWS_WITH(format<Color>()->encode(out, static_cast<Color>(7)), Contains("none of its enum's"));
}

TEST_CASE("an application reads and writes Avro, keys too, if there is a registry", "[avro]") {
  ls::Dataflow flow;
  const auto table = flow.table<Item>("items", &Item::id);
  const auto out = table | ls::output("out");
  kafka::Application app("avro", flow);
  app.read(table, "items", kafka::upsert(kafka::avro(), kafka::avro()));
  app.write(out, "out", kafka::upsert(kafka::avro(), kafka::avro()));
  app.write(out, "changes", kafka::weighted(kafka::keyed(kafka::avro(), kafka::avro())));
  const kafka::FormatContext items = context("items");
  kafka::TestDriver driver(app, {}, 1, items.properties);
  std::string key;
  std::string value;
  kafka::avro().of<Number>(items.of_key())->encode(key, 7);
  kafka::avro().of<Item>(items)->encode(value, {7, "seven", Color::green});
  driver.write("items", {.key = key, .value = value});
  driver.step();
  CHECK(driver.upserts("out").size() == 1);
  CHECK(kafka::avro().of<Item>(items)->decode(driver.upserts("out").begin()->second).note == "seven");
  driver.write("items", {.key = key, .value = std::nullopt});
  driver.step();
  CHECK(driver.upserts("out").empty());
  CHECK(driver.read("changes").size() == 2);
  kafka::TestDriver without(app);
  CHECK_THROWS_WITH(without.write("items", {.key = key, .value = value}), Contains("no schema.registry.url"));
}
