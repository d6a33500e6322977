#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <limits>
#include <lockstep.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "kafka/formats/json.hpp"
#include "kafka/formats/text.hpp"
#include "tests/random_values.hpp"
#include "tests/refusal.hpp"

// Rows as JSON, and from it.

namespace ls = lockstep;
namespace kafka = lockstep::kafka;
using Catch::Matchers::Contains;
using Number = std::int64_t;

namespace {

struct Item {
  Number a;
  std::optional<std::string> b;
  double c;
};
BOOST_DESCRIBE_STRUCT(Item, (), (a, b, c))

enum class Color : std::uint8_t { red, green };
BOOST_DESCRIBE_ENUM(Color, red, green)

struct Everything {
  std::uint64_t large;
  std::int8_t small;
  bool flag;
  char letter;
  char32_t sign;
  Color color;
  float real;
  std::string text;
  std::vector<Item> items;
  std::pair<Number, std::optional<bool>> pair;
  std::chrono::sys_time<std::chrono::microseconds> at;
  std::chrono::sys_days day;
  std::chrono::milliseconds span;
};
BOOST_DESCRIBE_STRUCT(Everything, (), (large, small, flag, letter, sign, color, real, text, items, pair, at, day, span))

template <class T>
T decode(std::string_view text, kafka::JsonOptions options = {}) {
  return kafka::json(options).of<T>()->decode(text);
}
std::string refusal(std::string_view text, kafka::JsonOptions options = {}) {
  return refusal_by(*kafka::json(std::move(options)).of<Item>(), text);
}

}  // namespace

TEST_CASE("random rows are the same after JSON", "[json]") {
  std::mt19937_64 random(20261128);
  const auto any = [&random] { return any_bits(random); };
  const auto text = [&random] {
    static const std::vector<std::string> pieces = {"a", "\"", "\\", "\n", std::string(1, '\0'),
                                                    "é", "€",  "𝄞",  "/",  "\x7f"};
    return any_text(random, pieces, 8);
  };
  const auto real = [&]() -> double {
    switch (random() % 6) {
      case 0: return std::numeric_limits<double>::infinity();
      case 1: return std::nan("");
      case 2: return std::numeric_limits<double>::denorm_min();
      default: return std::bit_cast<double>(random());
    }
  };
  const auto format = kafka::json().of<Everything>();
  for (int i = 0; i < 20'000; ++i) {
    Everything row{.large = any(),
                   .small = static_cast<std::int8_t>(any()),
                   .flag = any() % 2 == 0,
                   .letter = static_cast<char>(any() % 128),
                   .sign = static_cast<char32_t>(any() % 0xd800),
                   .color = any() % 2 == 0 ? Color::red : Color::green,
                   .real = static_cast<float>(any()),
                   .text = text(),
                   .items = {},
                   .pair = {static_cast<Number>(any()), std::nullopt},
                   .at = {},
                   .day = {},
                   .span = std::chrono::milliseconds(static_cast<Number>(any()))};
    for (auto left = random() % 3; left != 0; --left) {
      row.items.push_back({static_cast<Number>(random()), std::nullopt, real()});
      if (random() % 2 == 0) row.items.back().b = text();
    }
    if (random() % 2 == 0) row.pair.second = random() % 2 == 0;
    row.at += std::chrono::microseconds(static_cast<Number>(random()) / 1000);
    row.day += std::chrono::days(static_cast<int>(random() % 2'000'000) - 1'000'000);
    ls::row_traits<Everything>::normalise(row);
    std::string bytes;
    format->encode(bytes, row);
    Everything read = format->decode(bytes);
    ls::row_traits<Everything>::normalise(read);
    INFO(bytes);
    REQUIRE(ls::to_string(read) == ls::to_string(row));
    REQUIRE(ls::row_traits<Everything>::equal(read, row));
  }
}

TEST_CASE("numbers that do not fit a float, or name no enumerator, are refused", "[json]") {
  CHECK(decode<float>("1e38") == 1e38F);
  CHECK_THROWS_WITH(decode<float>("1e39"), "the number is out of range");
  CHECK(decode<float>("\"-Infinity\"") == -std::numeric_limits<float>::infinity());
  CHECK(decode<Color>("1") == Color::green);
  CHECK_THROWS_WITH(decode<Color>("7"), "there is no \"7\"");
  CHECK_THROWS_WITH(decode<Color>('"' + std::string(1'000, 'y') + '"'), Contains("yyy...\""));
}

TEST_CASE("whole numbers are exact, or refused", "[json]") {
  CHECK(decode<Item>(R"({"a":-9223372036854775808,"c":1})").a == std::numeric_limits<Number>::min());
  CHECK(decode<std::uint64_t>("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
  for (const char* number : {"9223372036854775808", "1.0", "1e3", "01", "\"1\"", "true", "[1]", "null", "-", "0x1"}) {
    INFO(number);
    CHECK_THROWS_AS(decode<Number>(number), kafka::FormatError);
  }
  CHECK_THROWS_WITH(decode<std::uint8_t>("256"), "the number is out of range");
  CHECK_THROWS_AS(decode<std::uint8_t>("-1"), kafka::FormatError);
}

TEST_CASE("what is missing, null, twice, or something else is refused by name, and nothing is made up", "[json]") {
  CHECK(refusal(R"({"a":1})") == "field \"c\" is missing");
  CHECK(refusal(R"({"a":null,"c":2})") == "\"a\": it is not a whole number, or is out of range");
  CHECK(refusal(R"({"a":1,"c":2,"a":1})") == "field \"a\" is there twice");
  CHECK(refusal(R"({"a":1,"c":"x"})") == "\"c\": it is of another type");
  CHECK(refusal(R"({"a":1,"c":2,"b":5})") == "\"b\": it is of another type");
  CHECK(refusal(R"({"a":1,"c":2,"b":"\ud800"})") ==
        "\"b\": the text has an escape that is none, or half of a surrogate pair");
  CHECK(refusal("{\"a\":1,\"c\":2,\"b\":\"\xff\"}") == "it is not UTF-8");
  CHECK(refusal("") == "there is nothing");
  CHECK(refusal(" \n") == "there is nothing");
  CHECK(refusal("[1]") == "it is of another type");
  for (const char* after : {" x", "]", ",[", ",{}", "{}", " 1", "}"}) {
    INFO(after);
    CHECK_THAT(refusal(std::string(R"({"a":1,"c":2})") + after), !Contains("none: "));
  }
  for (const char* broken : {R"({"a":1,"c":2)", R"({"a":1 "c":2})", R"({"a":1,"c":2,})", R"({"a":1,"c":nul})",
                             R"({"a":1,"c":2,"z":tru})", R"({"a":1,"c":2,"z":[1,{"y":1e}]})", R"({a:1,"c":2})"}) {
    INFO(broken);
    CHECK_THAT(refusal(broken), !Contains("none: "));
  }
}

TEST_CASE("optionals may be missing or null, fields come in any order, and others are ignored or refused", "[json]") {
  CHECK(refusal(R"( {"c":2,"z":[{"a":5}],"b":null,"a":1} )") == "none: {a: 1, b: none, c: 2}");
  CHECK(refusal(R"({"\u0061":1,"c":2,"b":"\u20ac"})") == "none: {a: 1, b: \"€\", c: 2}");
  CHECK(refusal(R"({"a":1,"c":2,"z":3})", {.unknown_fields = kafka::UnknownFields::refused}) ==
        "field \"z\" is not known");
}

TEST_CASE("times are read as they are written, or as a count of their unit", "[json]") {
  using Time = std::chrono::sys_time<std::chrono::milliseconds>;
  CHECK(decode<Time>(R"("2026-11-28T04:00:00.123Z")") == decode<Time>("1795838400123"));
  CHECK(decode<Time>(R"("1969-12-31T23:59:59.999Z")") == decode<Time>("-1"));
  CHECK(decode<Time>(R"("2026-11-28T05:30:00+01:30")") == decode<Time>(R"("2026-11-28T04:00:00Z")"));
  CHECK(decode<Time>(R"("2026-11-27T20:00:00.5-08:00")") == decode<Time>(R"("2026-11-28T04:00:00.5Z")"));
  CHECK(decode<Time>(R"("2026-11-28")") == decode<Time>(R"("2026-11-28T00:00:00Z")"));
  CHECK(decode<Time>(R"("2028-02-29T00:00:00.0009Z")") == decode<Time>(R"("2028-02-29T00:00:00Z")"));
  for (const char* wrong :
       {R"("2026-13-28T04:00:00Z")", R"("2026-02-29T04:00:00Z")", R"("2026-11-31T04:00:00Z")",
        R"("2026-11-00T04:00:00Z")", R"("2026-11-28T24:00:00Z")", R"("2026-11-28T04:00:00")",
        R"("2026-11-28 04:00:00Z")", R"("")", R"("2026-11-28T04:00:00+1:00")", R"("2026-11-28T04:00:00+01")",
        R"("2026-11-28T04:00:00+24:00")", R"("2026-11-28T04:00:00-01:60")", R"("2026-11-28T04:00:00+01:00Z")", R"("-")",
        R"("2026-11-28T04:00:00Zx")", "1.5"}) {
    INFO(wrong);
    CHECK_THROWS_AS(decode<Time>(wrong), kafka::FormatError);
  }
}

TEST_CASE("text is a string's bytes, or a whole number", "[json]") {
  CHECK(kafka::text().of<std::string>()->decode("a\xff") == "a\xff");
  CHECK(kafka::text().of<Number>()->decode("-5") == -5);
  for (const char* wrong : {"", " 5", "5 ", "+5", "5.0", "9223372036854775808"}) {
    CHECK_THROWS_AS(kafka::text().of<Number>()->decode(wrong), kafka::FormatError);
  }
}

TEST_CASE("fields have the names that they are given, in all structs of a row", "[json]") {
  const auto encode = [](const auto& row, kafka::JsonOptions options) {
    std::string out;
    kafka::json(std::move(options)).of<std::remove_cvref_t<decltype(row)>>()->encode(out, row);
    return out;
  };
  const std::vector<Item> items = {{1, "x", 2.5}};
  const kafka::JsonOptions named = {.names = {{"a", "the 'a'"}, {"c", "C"}}};
  CHECK(encode(items, named) == R"([{"the 'a'":1,"b":"x","C":2.5}])");
  CHECK(decode<std::vector<Item>>(R"([{"b":"x","C":2.5,"the 'a'":1}])", named)[0].a == 1);
  CHECK(refusal(R"({"a":1,"b":"x","C":2.5})", named) == R"(field "the 'a'" is missing)");
  CHECK_THROWS_WITH(decode<Item>("{}", {.names = {{"a", "a\\b"}}}), Contains("quotes or backslashes"));
  CHECK_THROWS_WITH(decode<Item>("{}", {.names = {{"d", "D"}}}), Contains("no field \"d\""));
  CHECK_THROWS_WITH(decode<Item>("{}", {.names = {{"a", "b"}}}), Contains("two fields of a row are called \"b\""));
}

namespace {
struct Account {
  Number account_id;
  std::string owner;
  Number _low_limit_;
};
BOOST_DESCRIBE_STRUCT(Account, (), (account_id, owner, _low_limit_))
}  // namespace

TEST_CASE("fields are called in camel case as a whole, if they are to be", "[json]") {
  const kafka::JsonOptions options = {.names = {{"owner", "Owner"}}, .field_names = kafka::FieldNames::camel_case};
  std::string out;
  kafka::json(options).of<Account>()->encode(out, {1, "Ada", 2});
  CHECK(out == R"({"accountId":1,"Owner":"Ada","_lowLimit":2})");
  CHECK(ls::to_json(decode<Account>(out, options)) == R"({"account_id":1,"owner":"Ada","_low_limit_":2})");
}

TEST_CASE("what is nested too deep is refused, wherever it is, before it is too deep for the stack", "[json]") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + "1" + std::string(depth, ']'); };
  const std::string row = R"({"a":1,"b":null,"c":2,"extra":)";
  CHECK(refusal(row + nested(400) + "}") == "none: {a: 1, b: none, c: 2}");
  CHECK(refusal(row + nested(600) + "}") == "it is nested more than 500 deep");
  CHECK(refusal(row + std::string(1'000'000, '[')) == "it is nested more than 500 deep");
  CHECK(refusal(row + nested(400) + "}") == "none: {a: 1, b: none, c: 2}");  // the thread has forgotten it
}

TEST_CASE("decimals are numbers of so many places, exact, and uuids are texts", "[json]") {
  using Money = kafka::Decimal<2>;
  using Both = std::pair<std::vector<Money>, kafka::Uuid>;
  const auto units = [](std::string_view text) { return decode<Money>(text).units; };
  CHECK(units("12.34") == 1234);
  CHECK(units("-0.05") == -5);
  CHECK(units("\"12.3\"") == 1230);
  CHECK(units("7") == 700);
  CHECK(units("1.2300") == 123);
  CHECK(units("92233720368547758.07") == std::numeric_limits<Number>::max());
  CHECK_THROWS_WITH(units("92233720368547758.08"), "the number is out of range");
  CHECK_THROWS_WITH(units("1.234"), "the number has more than 2 places");
  for (const char* text : {"\"\"", "\"-\"", "\"1.\"", "\".5\"", "\"1e3\"", "1e3", "\"+1\"", "\"1.2.3\"", "\"1.x\""}) {
    INFO(text);
    CHECK_THROWS_WITH(units(text), "it is not a decimal number");
  }
  const Both both{{{1230}, {-5}, {0}, {std::numeric_limits<Number>::min()}}, {1, 2}};
  std::string text;
  kafka::json().of<Both>()->encode(text, both);
  CHECK(text == R"([[12.30,-0.05,0.00,-92233720368547758.08],"00000000-0000-0001-0000-000000000002"])");
  CHECK(decode<Both>(text) == both);
}
