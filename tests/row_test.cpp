#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "runtime/rows/traits.hpp"

namespace ls = lockstep;

namespace {

struct Inner {
  std::int32_t a;
  double b;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (a, b))

struct Everything {
  bool flag;
  std::int8_t tiny;
  std::uint64_t big;
  std::string text;
  double real;
  std::optional<std::int64_t> maybe;
  std::vector<std::string> list;
  std::pair<std::int64_t, std::string> pair;
  std::tuple<std::int64_t, bool> tuple;
  Inner inner;
};
BOOST_DESCRIBE_STRUCT(Everything, (), (flag, tiny, big, text, real, maybe, list, pair, tuple, inner))

struct Transfer {
  std::int64_t id, amount;
};
BOOST_DESCRIBE_STRUCT(Transfer, (), (id, amount))

/// Its user compares ids only; the engine must not care.
struct Treacherous {
  std::int64_t id, amount;
  [[maybe_unused]] friend bool operator==(const Treacherous& a, const Treacherous& b) { return a.id == b.id; }
};
BOOST_DESCRIBE_STRUCT(Treacherous, (), (id, amount))

/// Bytes between its fields belong to nobody.
struct Padded {
  std::int8_t small;
  std::int64_t large;
};
BOOST_DESCRIBE_STRUCT(Padded, (), (small, large))

/// Describes but one of its members.
struct Partial {
  std::int64_t id, amount;
};
BOOST_DESCRIBE_STRUCT(Partial, (), (id))
struct PartialArray {
  std::int64_t id;
  char name[8];
};
BOOST_DESCRIBE_STRUCT(PartialArray, (), (id))
struct PartialBase : Transfer {
  std::int64_t more;
};
BOOST_DESCRIBE_STRUCT(PartialBase, (), (more))
struct WholeBase : Transfer {
  std::optional<std::string> more;
};
BOOST_DESCRIBE_STRUCT(WholeBase, (Transfer), (more))
/// No aggregates.
struct PartialClass {
  PartialClass() = default;
  std::int64_t id = 0;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(PartialClass, (), (id))
struct WholeClass {
  WholeClass() = default;
  std::int8_t flag = 0;
  std::int64_t id = 0;
  std::string text;
  std::int8_t last = 0;
};
BOOST_DESCRIBE_STRUCT(WholeClass, (), (flag, id, text, last))

static_assert(!ls::shape::describes_all<Partial> && !ls::shape::describes_all<PartialArray>);
static_assert(!ls::shape::describes_all<PartialBase> && ls::shape::describes_all<WholeBase>);
static_assert(!ls::shape::describes_all<PartialClass> && ls::shape::describes_all<WholeClass>);
static_assert(ls::shape::describes_all<Everything> && ls::shape::describes_all<Padded>);

Everything everything() {
  return {true, -3, ~0ULL, "a \"b\"\n", 1.5, std::nullopt, {"x", ""}, {7, "y"}, {8, false}, {9, -0.25}};
}

template <class T>
bool equal(const T& a, const T& b) {
  return ls::row_traits<T>::equal(a, b);
}
/// −1, 0 or 1.
template <class T>
int compare(const T& a, const T& b) {
  const auto order = ls::row_traits<T>::compare(a, b);
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}
template <class T>
std::uint64_t hash(const T& a) {
  return ls::row_traits<T>::hash(a);
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("rows print as people read them") {
  CHECK(ls::to_string(Transfer{1, 10}) == "{id: 1, amount: 10}");
  CHECK(ls::to_string(std::pair<std::int64_t, std::int64_t>(3, -6)) == "(3, -6)");
  CHECK(ls::to_string(std::tuple<>()) == "()");
  CHECK(ls::to_string(everything()) ==
        R"({flag: true, tiny: -3, big: 18446744073709551615, text: "a \"b\"\n", real: 1.5, maybe: none, )"
        R"(list: ["x", ""], pair: (7, "y"), tuple: (8, false), inner: {a: 9, b: -0.25}})");
  CHECK(fmt::format("{}", Transfer{1, 10}) == "{id: 1, amount: 10}");
}

TEST_CASE("rows become JSON") {
  CHECK(ls::to_json(everything()) ==
        R"({"flag":true,"tiny":-3,"big":18446744073709551615,"text":"a \"b\"\n","real":1.5,"maybe":null,)"
        R"("list":["x",""],"pair":[7,"y"],"tuple":[8,false],"inner":{"a":9,"b":-0.25}})");
  CHECK(ls::to_json(kNan) == "\"NaN\"");
  CHECK(ls::to_json(-kInfinity) == "\"-Infinity\"");
  CHECK(ls::to_json(std::string("\x01")) == "\"\\u0001\"");
}

TEST_CASE("rows are equal when all their fields are") {
  CHECK(equal(everything(), everything()));
  auto other = everything();
  other.list.push_back("z");
  CHECK_FALSE(equal(everything(), other));
  CHECK_FALSE(equal(Treacherous{1, 2}, Treacherous{1, 3}));
  CHECK_FALSE(equal(std::optional<std::int64_t>(), std::optional<std::int64_t>(0)));
}

TEST_CASE("rows are ordered field by field, shorter before longer, empty before full") {
  CHECK(compare(Transfer{1, 10}, Transfer{1, 11}) < 0);
  CHECK(compare(Transfer{2, 0}, Transfer{1, 11}) > 0);
  CHECK(compare(std::string("a"), std::string("ab")) < 0);
  CHECK(compare(std::vector<std::int64_t>{1, 2}, std::vector<std::int64_t>{1, 2, 0}) < 0);
  CHECK(compare(std::optional<std::int64_t>(), std::optional<std::int64_t>(-100)) < 0);
  CHECK(compare(std::int64_t{-1}, std::int64_t{1}) < 0);
  CHECK(compare(~0ULL, 1ULL) > 0);
}

TEST_CASE("doubles are totally ordered with NaN last") {
  const double order[] = {-kInfinity, -1, 0, 1e-300, 1, kInfinity, kNan};
  for (std::size_t i = 0; i < std::size(order); ++i) {
    for (std::size_t j = 0; j < std::size(order); ++j) CHECK(compare(order[i], order[j]) == compare(i, j));
  }
}

TEST_CASE("normalising leaves one zero and one NaN, however deep") {
  using Deep = std::vector<std::optional<std::pair<double, Inner>>>;
  static_assert(ls::row_traits<Deep>::kHasReals);
  static_assert(!ls::row_traits<std::pair<std::int64_t, std::string>>::kHasReals);
  Deep rows{std::pair{-0.0, Inner{1, std::nan("17")}}};
  ls::normalise(rows);
  CHECK(equal(rows, Deep{std::pair{0.0, Inner{1, kNan}}}));
  CHECK_FALSE(std::signbit(rows[0]->first));
}

TEST_CASE("the slot hash is fixed for ever") {
  // Saved state is laid out by these values.
  CHECK(hash(std::int64_t{0}) == 0xc77b3abb6f87acd9);
  CHECK(hash(std::int64_t{42}) == hash(std::uint64_t{42}));
  CHECK(hash(std::string("lockstep")) == XXH3_64bits("lockstep", 8));
  CHECK(hash(std::string()) == XXH3_64bits("", 0));
  const std::int64_t image[] = {1, 10};
  CHECK(hash(Transfer{1, 10}) == XXH3_64bits(image, sizeof image));
  CHECK(hash(std::pair<std::int64_t, std::int64_t>(1, 10)) == hash(Transfer{1, 10}));
  using Pair = std::pair<std::int64_t, std::int64_t>;
  const std::int64_t numbers[] = {1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4};
  const std::pair<Pair, Pair> four{{1, 2}, {3, 4}};
  CHECK(hash(four) == XXH3_64bits(numbers, 32));
  CHECK(hash(std::tuple(four, four, four, four, four)) == XXH3_64bits(numbers, 160));
  CHECK(hash(std::int16_t{5}) == XXH3_64bits("\5\0", 2));
  const std::uint64_t parts[] = {hash(std::int64_t{7}), hash(std::string("y"))};
  CHECK(hash(std::pair<std::int64_t, std::string>(7, "y")) == XXH3_64bits(parts, sizeof parts));
}

TEST_CASE("padding does not enter the hash") {
  alignas(Padded) unsigned char a[sizeof(Padded)];
  alignas(Padded) unsigned char b[sizeof(Padded)];
  std::fill(std::begin(a), std::end(a), static_cast<unsigned char>(0x00));
  std::fill(std::begin(b), std::end(b), static_cast<unsigned char>(0xff));
  auto* first = reinterpret_cast<Padded*>(a);
  auto* second = reinterpret_cast<Padded*>(b);
  first->small = second->small = 5;
  first->large = second->large = 6;
  CHECK(hash(*first) == hash(*second));
}

TEST_CASE("rows read back what they wrote") {
  const Everything row = everything();
  const std::string bytes = ls::encode_row(row);
  CHECK(bytes[0] == 1);
  CHECK(equal(ls::decode_row<Everything>(bytes), row));
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min(),
                                   std::numeric_limits<std::int64_t>::max()}) {
    CHECK(ls::decode_row<std::int64_t>(ls::encode_row(value)) == value);
  }
  CHECK(ls::encode_row(std::int64_t{-1}).size() == 2);
}

TEST_CASE("damaged rows are told, not read") {
  const std::string bytes = ls::encode_row(everything());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_THROWS_AS(ls::decode_row<Everything>(bytes.substr(0, size)), ls::DecodeError);
  }
  CHECK_THROWS_AS(ls::decode_row<Everything>(bytes + '\0'), ls::DecodeError);
  CHECK_THROWS_AS(ls::decode_row<Everything>('\2' + bytes.substr(1)), ls::DecodeError);
  CHECK_THROWS_AS(ls::decode_row<bool>(std::string("\1\2", 2)), ls::DecodeError);
  CHECK_THROWS_AS(ls::decode_row<std::int8_t>(ls::encode_row(std::int64_t{200})), ls::DecodeError);
  // Lengths beyond the end, integers that are too long or have superfluous bytes.
  CHECK_THROWS_AS(ls::decode_row<std::string>(std::string("\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 11)),
                  ls::DecodeError);
  CHECK_THROWS_AS(ls::decode_row<std::uint64_t>(std::string("\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\2", 11)),
                  ls::DecodeError);
  CHECK_THROWS_AS(ls::decode_row<std::uint64_t>(std::string("\1\x80\0", 3)), ls::DecodeError);
  CHECK_THROWS_AS(ls::decode_row<std::vector<std::int64_t>>(std::string("\1\xff\xff\xff\xff\x0f", 6)), ls::DecodeError);
}

TEST_CASE("a schema says what a row is made of") {
  CHECK(ls::row_traits<Transfer>::schema().to_string() == "Transfer{id: int64, amount: int64}");
  CHECK(ls::row_traits<std::pair<std::string, std::optional<double>>>::schema().to_string() ==
        "(string, optional<double>)");
  CHECK(ls::row_traits<std::vector<std::uint8_t>>::schema().to_string() == "vector<uint8>");
  CHECK(ls::row_traits<Transfer>::schema() == ls::row_traits<Transfer>::schema());
  CHECK_FALSE(ls::row_traits<Transfer>::schema() == ls::row_traits<Inner>::schema());
}
