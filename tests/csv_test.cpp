#include <bit>
#include <catch2/catch.hpp>
#include <chrono>
#include <limits>
#include <lockstep.hpp>
#include <optional>
#include <random>
#include <string>

#include "kafka/formats/csv.hpp"
#include "kafka/formats/text.hpp"
#include "tests/random_values.hpp"
#include "tests/refusal.hpp"

// Rows as lines of fields, and single values as text.

namespace ls = lockstep;
namespace kafka = lockstep::kafka;
using Number = std::int64_t;

namespace {

enum class Color : std::uint8_t { red, green };
BOOST_DESCRIBE_ENUM(Color, red, green)

struct Part {
  std::optional<std::string> note;
  double real;
};
BOOST_DESCRIBE_STRUCT(Part, (), (note, real))

struct Line {
  std::uint64_t large;
  std::string text;
  std::optional<Number> maybe;
  Part part;
  bool flag;
  char32_t sign;
  Color color;
  float small_real;
  std::chrono::sys_time<std::chrono::milliseconds> at;
  std::chrono::sys_days day;
  std::chrono::seconds span;
  std::pair<std::int8_t, std::string> last;
};
BOOST_DESCRIBE_STRUCT(Line, (), (large, text, maybe, part, flag, sign, color, small_real, at, day, span, last))

struct Item {
  Number a;
  std::optional<std::string> b;
};
BOOST_DESCRIBE_STRUCT(Item, (), (a, b))

template <class T>
std::string encoded(const T& value, const kafka::CsvOptions& options = {}) {
  std::string out;
  kafka::csv(options).of<T>()->encode(out, value);
  return out;
}
template <class T = Item>
std::string refusal(std::string_view text, const kafka::CsvOptions& options = {}) {
  return refusal_by(*kafka::csv(options).of<T>(), text);
}

}  // namespace

TEST_CASE("random rows are the same after CSV, whatever separates fields", "[csv]") {
  std::mt19937_64 random(20261128);
  const auto any = [&random] { return any_bits(random); };
  const auto text = [&random] {
    static const std::vector<std::string> pieces = {"a", "\"", "\"\"", "\n", "\r", std::string(1, '\0'),
                                                    ",", ";",  " ",    "é",  "\t", "\xff"};
    return any_text(random, pieces, 6);
  };
  const kafka::CsvOptions options =
      GENERATE(kafka::CsvOptions(), kafka::CsvOptions{';', '\''}, kafka::CsvOptions{'\t'});
  const auto format = kafka::csv(options).of<Line>();
  for (int i = 0; i < 10'000; ++i) {
    Line row{};
    row.large = any();
    row.text = text();
    row.part.real = random() % 8 == 0 ? std::numeric_limits<double>::infinity() : std::bit_cast<double>(random());
    row.flag = any() % 2 == 0;
    row.sign = static_cast<char32_t>(any() % 0xd800);
    row.color = any() % 2 == 0 ? Color::red : Color::green;
    row.small_real = static_cast<float>(any());
    row.span = std::chrono::seconds(static_cast<Number>(any()));
    row.last = {static_cast<std::int8_t>(any()), text()};
    if (random() % 2 == 0) row.maybe = -static_cast<Number>(any());
    if (random() % 2 == 0) row.part.note = text();
    row.at += std::chrono::milliseconds(static_cast<Number>(random()) / 1'000'000);
    row.day += std::chrono::days(static_cast<int>(random() % 2'000'000) - 1'000'000);
    ls::row_traits<Line>::normalise(row);
    std::string bytes;
    format->encode(bytes, row);
    if (random() % 3 == 0) bytes += random() % 2 == 0 ? "\n" : "\r\n";
    Line read = format->decode(bytes);
    ls::row_traits<Line>::normalise(read);
    INFO(bytes);
    REQUIRE(ls::to_string(read) == ls::to_string(row));
    REQUIRE(ls::row_traits<Line>::equal(read, row));
  }
}

TEST_CASE("fields are quoted where they have to be, and only nothing is nothing", "[csv]") {
  CHECK(encoded(Item{1, std::nullopt}) == "1,");
  CHECK(encoded(Item{1, ""}) == "1,\"\"");
  CHECK(encoded(Item{1, "say \"hi\", Ada"}) == "1,\"say \"\"hi\"\", Ada\"");
  CHECK(encoded(Item{1, "a;b"}, {.separator = ';'}) == "1;\"a;b\"");
  CHECK(encoded(std::string()) == "\"\"");
  CHECK(refusal("1,") == "none: {a: 1, b: none}");
  CHECK(refusal("1,\"\"") == "none: {a: 1, b: \"\"}");
  CHECK(refusal("1, x ") == "none: {a: 1, b: \" x \"}");
}

TEST_CASE("what is not one line of the row's fields is refused, and the field is named", "[csv]") {
  CHECK(refusal("") == "it has 0 fields, not 2");
  CHECK(refusal("1") == "it has 1 fields, not 2");
  CHECK(refusal("1,a,2") == "it has 3 fields, not 2");
  CHECK(refusal("1,a\n2,b") == "it has more than one line");
  CHECK(refusal(",a") == "\"a\": it is empty");
  CHECK(refusal("one,a") == "\"a\": it is not a whole number");
  CHECK(refusal("1 ,a") == "\"a\": it is not a whole number");
  CHECK(refusal("9223372036854775808,a") == "\"a\": the number is out of range");
  CHECK(refusal("1,\"a") == "it is not CSV: a quote is where none may be, or one is missing");
  CHECK(refusal("1,\"a\"b") == "it is not CSV: a quote is where none may be, or one is missing");
  CHECK(refusal("1,a\"b") == "it is not CSV: a quote is where none may be, or one is missing");
  using Pair = std::pair<bool, Color>;
  CHECK(refusal<Pair>("yes,red") == "field 1: it is neither true nor false");
  CHECK(refusal<Pair>("true,blue") == "field 2: there is no \"blue\"");
  CHECK(refusal<Pair>("true,1") == "none: (true, green)");
  CHECK(refusal<Pair>("true,7") == "field 2: there is no \"7\"");
  CHECK(refusal<float>("1e300") == "field 1: the number is out of range");
  CHECK(refusal<std::optional<Number>>("") == "none: none");
  CHECK_THROWS_AS(kafka::csv({.separator = '"'}).of<Item>(), ls::FlowError);
  CHECK_THROWS_AS(kafka::csv({.separator = '\n'}).of<Item>(), ls::FlowError);
}

TEST_CASE("a weighted row's weight, and structs in structs, are fields like others", "[csv]") {
  CHECK(encoded(std::pair<Number, Item>{-3, {1, "x"}}) == "-3,1,x");
  CHECK(refusal<std::pair<Number, Item>>("-3,1,x") == "none: (-3, {a: 1, b: \"x\"})");
}

TEST_CASE("single values are text without quotes", "[csv]") {
  const auto encode = [](const auto& value) {
    std::string out;
    kafka::text().of<std::remove_cvref_t<decltype(value)>>()->encode(out, value);
    return out;
  };
  CHECK(encode(std::string("as it \"is\"\n")) == "as it \"is\"\n");
  CHECK(encode(true) == "true");
  CHECK(encode(-0.5) == "-0.5");
  CHECK(encode(Color::green) == "green");
  CHECK(encode(std::chrono::sys_days(std::chrono::days(1))) == "1970-01-02");
  CHECK(encode(std::chrono::minutes(3)) == "3");
  CHECK(kafka::text().of<Color>()->decode("green") == Color::green);
  CHECK(kafka::text().of<char32_t>()->decode("€") == U'€');
  CHECK(kafka::text().of<double>()->decode("-inf") == -std::numeric_limits<double>::infinity());
  CHECK_THROWS_WITH(kafka::text().of<char32_t>()->decode("\xe2\x82"), "it is not one character");
  CHECK_THROWS_WITH(kafka::text().of<std::uint8_t>()->decode("256"), "the number is out of range");
  CHECK_THROWS_WITH(kafka::text().of<double>()->decode(""), "it is not a number");
}
