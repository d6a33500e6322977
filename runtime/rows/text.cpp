#include "runtime/rows/text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace lockstep::derived {

void append_integer(std::string& out, std::int64_t value) { out += fmt::format_int(value).c_str(); }
void append_integer(std::string& out, std::uint64_t value) { out += fmt::format_int(value).c_str(); }
void append_real(std::string& out, double value) { fmt::format_to(std::back_inserter(out), "{}", value); }

void append_real(std::string& out, float value) { fmt::format_to(std::back_inserter(out), "{}", value); }

void append_character(std::string& out, std::uint32_t value) {
  const auto byte = [&out](std::uint32_t bits) { out += static_cast<char>(bits); };
  const auto more = [&](int shift) { byte(0x80 | (value >> shift & 0x3f)); };
  if (value < 0x80) {
    byte(value);
  } else if (value < 0x800) {
    byte(0xc0 | value >> 6);
    more(0);
  } else if (value < 0x10000) {
    byte(0xe0 | value >> 12);
    more(6);
    more(0);
  } else {
    byte(0xf0 | (value >> 18 & 7));
    more(12);
    more(6);
    more(0);
  }
}

void append_unit(std::string& out, std::int64_t num, std::int64_t den) {
  struct Unit {
    std::int64_t num, den;
    const char* name;
  };
  constexpr Unit kUnits[] = {{1, 1'000'000'000, "ns"}, {1, 1'000'000, "us"}, {1, 1'000, "ms"}, {1, 1, "s"},
                             {60, 1, "min"},           {3'600, 1, "h"},      {86'400, 1, "d"}};
  for (const Unit& unit : kUnits) {
    if (unit.num == num && unit.den == den) {
      out += unit.name;
      return;
    }
  }
  out += den == 1 ? fmt::format("[{}]s", num) : fmt::format("[{}/{}]s", num, den);
}

void append_time(std::string& out, std::int64_t count, std::int64_t num, std::int64_t den) {
  __extension__ using Wide = __int128;
  constexpr std::int64_t kDay = 86'400;
  const auto floor_div = [](Wide a, Wide b) { return a / b - (a % b < 0 ? 1 : 0); };
  const Wide total = static_cast<Wide>(count) * num;  // units of 1/den seconds
  const Wide seconds = floor_div(total, den);
  const auto fraction = static_cast<std::int64_t>(total - seconds * den);
  const Wide days = floor_div(seconds, kDay);
  const auto of_day = static_cast<std::int64_t>(seconds - days * kDay);
  // Days to a date in 400-year eras that begin in March (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
  const Wide shifted = days + 719'468;
  const Wide era = floor_div(shifted, 146'097);
  const auto day_of_era = static_cast<std::int64_t>(shifted - era * 146'097);
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const std::int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const std::int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const Wide year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  const auto at = std::back_inserter(out);
  if (year < 0) out += '-';
  fmt::format_to(at, "{:04}-{:02}-{:02}", year < 0 ? -year : year, month, day);
  if (den == 1 && num % kDay == 0) return;
  fmt::format_to(at, "T{:02}:{:02}:{:02}", of_day / 3'600, of_day / 60 % 60, of_day % 60);
  if (den != 1) {
    int digits = 0;
    std::int64_t power = 1;
    for (; digits < 9 && power < den; ++digits) power *= 10;
    fmt::format_to(at, ".{:0{}}", static_cast<std::int64_t>(static_cast<Wide>(fraction) * power / den), digits);
  }
  out += 'Z';
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void append_json_real(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
  } else if (std::isinf(value)) {
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    fmt::format_to(std::back_inserter(out), "{}", value);
  }
}

}  // namespace lockstep::derived
