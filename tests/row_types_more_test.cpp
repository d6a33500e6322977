#include "tests/row_types.hpp"

namespace {

struct Nothing {};
BOOST_DESCRIBE_STRUCT(Nothing, (), ())

struct Person {
  std::string name;
  std::optional<std::uint8_t> age;
};
BOOST_DESCRIBE_STRUCT(Person, (), (name, age))
/// With a base class and members of many types.
struct Visitor : Person {
  bool regular = false;
  std::vector<std::pair<std::int32_t, double>> visits;
  std::tuple<char, std::uint64_t> badge;
};
BOOST_DESCRIBE_STRUCT(Visitor, (Person), (regular, visits, badge))

Visitor visitor(const char* name, std::optional<std::uint8_t> age) {
  Visitor visitor{{name, age}, true, {{1, 0.5}, {-2, 1e300}}, {'x', ~0ULL}};
  return visitor;
}

}  // namespace

TEST_CASE("rows of no bytes go through every operator and saved state", "[row types]") {
  row_types::check<Nothing>({{}});
  row_types::check<std::vector<std::tuple<>>>({{}, {{}}, {{}, {}, {}}});
}

TEST_CASE("vectors of bools go through every operator and saved state", "[row types]") {
  row_types::check<std::vector<bool>>({{}, {false}, {true, false}, {true, true}});
}

TEST_CASE("structs with base classes go through every operator and saved state", "[row types]") {
  row_types::check<Visitor>({visitor("Ada", 36), visitor("Grace", std::nullopt), visitor("Grace", 85)});
}
