#include <catch2/catch.hpp>

#include "runtime/rows/row_conversion.hpp"
#include "runtime/rows/schema_coding.hpp"
#include "runtime/rows/traits.hpp"
#include "runtime/state/state_form.hpp"

// Rows of a type that has changed, read as they are now.

namespace ls = lockstep;
using Catch::Matchers::Contains;

namespace {

namespace then {
enum class Colour : std::uint8_t { red, blue };
struct Place {
  std::int32_t x, y;
};
BOOST_DESCRIBE_STRUCT(Place, (), (x, y))
struct Order {
  std::int64_t id;
  std::string note;
  std::int16_t amount;
  float price;
  Place from;
  std::vector<Place> stops;
  std::optional<std::int32_t> discount;
  std::string customer;
  Colour colour;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id, note, amount, price, from, stops, discount, customer, colour))
}  // namespace then

namespace now {
enum class Colour : std::uint16_t { red, blue };
struct Place {
  std::int32_t y;
  std::int64_t x;
  std::string name = "somewhere";
};
BOOST_DESCRIBE_STRUCT(Place, (), (y, x, name))
struct Order {
  std::string currency = "EUR";
  std::int64_t id;
  std::int64_t amount;
  double price;
  Place from;
  std::vector<Place> stops;
  std::optional<std::int64_t> discount;
  std::optional<std::string> customer;
  Colour colour;
  std::vector<std::int64_t> tags = {7, 8};
};
BOOST_DESCRIBE_STRUCT(Order, (), (currency, id, amount, price, from, stops, discount, customer, colour, tags))
}  // namespace now

template <class Was, class Is>
ls::RowConversion conversion() {
  return {ls::row_traits<Was>::schema(), ls::row_traits<Is>::schema()};
}

template <class Is, class Was>
Is read_as(const Was& row) {
  std::string was;
  std::string is;
  ls::Encoder coder(was);
  ls::row_traits<Was>::encode(coder, row);
  ls::Decoder from(was);
  ls::Encoder to(is);
  conversion<Was, Is>().convert(from, to);
  CHECK(from.at_end());
  ls::Decoder in(is);
  Is result = ls::row_traits<Is>::decode(in);
  CHECK(in.at_end());
  return result;
}

const then::Order kOrder{1, "gone", -300, 1.5F, {3, -4}, {{5, 6}, {7, 8}}, 9, "Ada", then::Colour::blue};

}  // namespace

TEST_CASE("fields come with the defaults of the struct, go, move, and become wider, however deep they are") {
  CHECK(ls::to_string(read_as<now::Order>(kOrder)) ==
        R"({currency: "EUR", id: 1, amount: -300, price: 1.5, from: {y: -4, x: 3, name: "somewhere"}, )"
        R"(stops: [{y: 6, x: 5, name: "somewhere"}, {y: 8, x: 7, name: "somewhere"}], discount: 9, )"
        R"(customer: "Ada", colour: 1, tags: [7, 8]})");
  CHECK(conversion<then::Order, now::Order>().changed() == std::set<std::string>{"Order", "Place"});
}

TEST_CASE("a type that has not changed is read as it is") {
  CHECK(ls::row_traits<then::Order>::equal(read_as<then::Order>(kOrder), kOrder));
  CHECK(conversion<then::Order, then::Order>().changed().empty());
}

TEST_CASE("what changes outside of a struct is called by its type") {
  CHECK(conversion<std::pair<std::int32_t, float>, std::pair<std::int64_t, double>>().changed() ==
        std::set<std::string>{"int32", "float"});
  CHECK(read_as<std::pair<std::int64_t, double>>(std::pair<std::int32_t, float>(-3, 0.5F)) ==
        std::pair<std::int64_t, double>(-3, 0.5));
}

TEST_CASE("what would lose something, or mean something else, is refused and named") {
  CHECK_THROWS_WITH((conversion<now::Order, then::Order>()), Contains("Order.amount was int64, and is int16"));
  CHECK_THROWS_AS((conversion<std::int64_t, std::uint64_t>()), ls::SchemaChange);
  CHECK_THROWS_AS((conversion<double, float>()), ls::SchemaChange);
  CHECK_THROWS_AS((conversion<std::optional<std::int64_t>, std::int64_t>()), ls::SchemaChange);
  CHECK_THROWS_AS((conversion<std::int64_t, std::string>()), ls::SchemaChange);
  CHECK_THROWS_AS((conversion<std::chrono::seconds, std::chrono::milliseconds>()), ls::SchemaChange);
  CHECK_THROWS_AS((conversion<std::pair<int, int>, std::tuple<int, int, int>>()), ls::SchemaChange);
  CHECK_THROWS_AS((conversion<then::Place, then::Order>()), ls::SchemaChange);
}

TEST_CASE("a key that has changed is refused, and what tells rows apart may only grow") {
  const auto schema = [](auto row) { return ls::row_traits<decltype(row)>::schema(); };
  const auto refused = [](const ls::Schema& was, const ls::Schema& is) {
    CHECK_THROWS_AS(ls::RowConversion(was, is), ls::SchemaChange);
  };
  namespace form = ls::state_form;
  const ls::Schema was = schema(then::Order{});
  const ls::Schema is = schema(now::Order{});
  refused(form::row_and_weights(was, 1), form::row_and_weights(is, 1));
  refused(form::row_of_key(was, was), form::row_of_key(is, was));
  refused(form::rows_in_order(was), form::rows_in_order(is));
  refused(form::rows_by_field(was, was, false), form::rows_by_field(is, was, false));
  refused(form::rows_by_field(schema(1), was, true), form::rows_by_field(schema(1), is, true));
  CHECK_NOTHROW(
      ls::RowConversion(form::rows_by_field(schema(1), was, false), form::rows_by_field(schema(1), is, false)));
  CHECK_NOTHROW(ls::RowConversion(form::rows_of_key(schema(1), was), form::rows_of_key(schema(1), is)));
  CHECK_NOTHROW(ls::RowConversion(form::row_of_key(schema(1), was), form::row_of_key(schema(1), is)));
  CHECK_NOTHROW(ls::RowConversion(form::rows_in_order(schema(std::int8_t{})), form::rows_in_order(schema(1))));
}

TEST_CASE("a schema is read back, and damage of it is an error") {
  const ls::Schema schema = ls::row_traits<now::Order>::schema();
  std::string bytes;
  ls::Encoder out(bytes);
  ls::encode(out, schema);
  ls::Decoder in(bytes);
  const ls::Schema again = ls::decode_schema(in);
  CHECK(in.at_end());
  CHECK(again == schema);
  CHECK(again.defaults == schema.defaults);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    ls::Decoder cut(std::string_view(bytes).substr(0, i));
    CHECK_THROWS_AS(ls::decode_schema(cut), ls::DecodeError);
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
    ls::Decoder other(damaged);
    try {
      (void)ls::decode_schema(other);
    } catch (const ls::DecodeError&) {  // or it is another one
    }
  }
  std::string deep(1'000'000, static_cast<char>(ls::Schema::Kind::optional));
  ls::Decoder in_depth(deep);
  CHECK_THROWS_AS(ls::decode_schema(in_depth), ls::DecodeError);
}
