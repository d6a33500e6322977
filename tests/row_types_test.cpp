#include "tests/row_types.hpp"

#include <chrono>
#include <limits>

// One line for each type that docs/operators.md names; more of them in row_types_more_test.cpp, since each takes its
// seconds to compile.

namespace {

enum class Colour : std::int8_t { red = -1, green, blue };
BOOST_DESCRIBE_ENUM(Colour, red, green, blue)
enum Plain { kOne = 1, kTwo = 2 };

using std::chrono::milliseconds;
using std::chrono::sys_days;
using Time = std::chrono::system_clock::time_point;

}  // namespace

TEST_CASE("characters and enums go through every operator and saved state", "[row types]") {
  row_types::check<char>({'\n', 'a', 'z'});
  row_types::check<Colour>({Colour::red, Colour::green, Colour::blue});
  row_types::check<Plain>({kOne, kTwo});
}

TEST_CASE("floats go through every operator and saved state", "[row types]") {
  row_types::check<float>(
      {-std::numeric_limits<float>::infinity(), 0.1F, 2.5F, std::numeric_limits<float>::quiet_NaN()});
}

TEST_CASE("times and durations go through every operator and saved state", "[row types]") {
  row_types::check<milliseconds>({milliseconds(-1500), milliseconds(0), milliseconds(90'000)});
  row_types::check<Time>({Time(milliseconds(-1)), Time(), Time(milliseconds(1'764'165'240'123))});
}

TEST_CASE("times, durations, characters and enums print as people write them", "[row types]") {
  namespace ls = lockstep;
  using namespace std::chrono;
  const auto both = [](const auto& row) { return ls::to_string(row) + " " + ls::to_json(row); };
  CHECK(both(milliseconds(-1500)) == "-1500ms -1500");
  CHECK(both(hours(3)) == "3h 3");
  CHECK(both(duration<std::int64_t, std::ratio<1, 30>>(5)) == "5[1/30]s 5");
  CHECK(both(duration<double>(0.5)) == "0.5s 0.5");
  CHECK(ls::to_string(sys_days(year(2026) / 11 / 26)) == "2026-11-26");
  CHECK(ls::to_string(sys_days(year(1969) / 12 / 31)) == "1969-12-31");
  CHECK(ls::to_string(sys_days(year(2000) / 2 / 29)) == "2000-02-29");
  CHECK(ls::to_string(sys_seconds(seconds(-1))) == "1969-12-31T23:59:59Z");
  CHECK(ls::to_json(sys_time<milliseconds>(milliseconds(1'764'165'240'007))) == "\"2025-11-26T13:54:00.007Z\"");
  CHECK(ls::to_string(sys_time<nanoseconds>(nanoseconds(-1))) == "1969-12-31T23:59:59.999999999Z");
  CHECK(ls::to_string(sys_time<hours>(hours(25))) == "1970-01-02T01:00:00Z");
  CHECK(ls::to_string(steady_clock::time_point(nanoseconds(7))) == "7ns");
  CHECK(both('"') == R"("\"" "\"")");
  CHECK(both(char(0xe9)) == "\"\u00e9\" \"\u00e9\"");
  CHECK(ls::to_string(char32_t(0x1f600)) == "\"\U0001f600\"");
  CHECK(both(Colour::blue) == "blue \"blue\"");
  CHECK(both(static_cast<Colour>(9)) == "9 9");
  CHECK(both(kTwo) == "2 2");
}

TEST_CASE("a date is printed right on every day of a thousand years", "[row types]") {
  using namespace std::chrono;
  for (sys_days day = year(1600) / 1 / 1; day < year(2600) / 1 / 1; day += days(1)) {
    const year_month_day date(day);
    const auto expected =
        fmt::format("{:04}-{:02}-{:02}", int(date.year()), unsigned(date.month()), unsigned(date.day()));
    if (lockstep::to_string(day) != expected) FAIL(expected);
  }
}

TEST_CASE("damage to a vector of rows of no bytes is found before memory is asked for", "[row types]") {
  std::string bytes;
  lockstep::Encoder out(bytes);
  out.byte(lockstep::kRowCodingVersion);
  out.varint(std::uint64_t{1} << 40);
  CHECK_THROWS_AS(lockstep::decode_row<std::vector<std::tuple<>>>(bytes), lockstep::DecodeError);
  CHECK_THROWS_AS(lockstep::decode_row<std::vector<std::int64_t>>(bytes), lockstep::DecodeError);
}
