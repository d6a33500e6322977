#include "kafka/formats/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace lockstep::kafka::from_json {

void throw_missing(std::string_view field) { throw FormatError(fmt::format("field \"{}\" is missing", field)); }
void throw_twice(std::string_view field) { throw FormatError(fmt::format("field \"{}\" is there twice", field)); }
void throw_unknown(std::string_view field) { throw FormatError(fmt::format("field \"{}\" is not known", field)); }
void throw_length(std::size_t wanted) { throw FormatError(fmt::format("it is not an array of {}", wanted)); }
void throw_range() { throw FormatError("the number is out of range"); }
void throw_no_such(std::string_view text) { throw FormatError(fmt::format("there is no \"{}\"", text)); }

void rethrow_of(std::string_view field) {
  try {
    throw;
  } catch (const FormatError& error) {
    throw FormatError(fmt::format("\"{}\": {}", field, error.what()));
  }
}

double read_real(JsonValue& in) {
  if (!in.is_text()) return in.number();
  const std::string_view text = in.text();
  if (text == "NaN") return std::nan("");
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  throw FormatError("it is of another type");
}

std::uint32_t read_character(JsonValue& in) {
  const std::string_view text = in.text();
  // The parser has seen that it is UTF-8.
  const auto byte = [&text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  if (!text.empty()) {
    const std::size_t length = byte(0) < 0x80 ? 1 : byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
    if (text.size() == length) {
      std::uint32_t character = length == 1 ? byte(0) : byte(0) & (0xffU >> (length + 1));
      for (std::size_t at = 1; at < length; ++at) character = character << 6 | (byte(at) & 0x3fU);
      return character;
    }
  }
  throw FormatError("it is not one character");
}

namespace {

/// A part of a time, of so many digits.
std::int64_t digits(std::string_view& text, std::size_t count) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + std::min(count, text.size()), value);
  if (error != std::errc() || end != text.data() + count || text[0] == '-') throw FormatError("it is not a time");
  text.remove_prefix(count);
  return value;
}

bool skip(std::string_view& text, char wanted) {
  if (text.empty() || text[0] != wanted) return false;
  text.remove_prefix(1);
  return true;
}
void expect(std::string_view& text, char wanted) {
  if (!skip(text, wanted)) throw FormatError("it is not a time");
}

/// Hinnant, "chrono-Compatible Low-Level Date Algorithms".
std::int64_t days_since_1970(std::int64_t year, std::int64_t month, std::int64_t day) {
  year -= month <= 2;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t of_era = year - era * 400;
  const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

}  // namespace

std::int64_t read_time(JsonValue& in, std::int64_t num, std::int64_t den) {
  if (!in.is_text()) return in.whole();
  __extension__ using Wide = __int128;
  std::string_view text = in.text();
  const bool is_negative = skip(text, '-');
  const std::size_t year_digits = text.find('-');
  if (year_digits == std::string_view::npos || year_digits < 4 || year_digits > 12)
    throw FormatError("it is not a time");
  const std::int64_t year = digits(text, year_digits) * (is_negative ? -1 : 1);
  expect(text, '-');
  const std::int64_t month = digits(text, 2);
  expect(text, '-');
  const std::int64_t day = digits(text, 2);
  if (month < 1 || month > 12) throw FormatError("it is not a time");
  const std::int64_t first = days_since_1970(year, month, 1);
  const std::int64_t next = month == 12 ? days_since_1970(year + 1, 1, 1) : days_since_1970(year, month + 1, 1);
  if (day < 1 || day > next - first) throw FormatError("it is not a time");
  Wide seconds = Wide{first + day - 1} * 86'400;
  Wide fraction = 0;
  Wide scale = 1;
  if (!text.empty()) {
    expect(text, 'T');
    const std::int64_t hour = digits(text, 2);
    expect(text, ':');
    const std::int64_t minute = digits(text, 2);
    expect(text, ':');
    const std::int64_t second = digits(text, 2);
    if (hour > 23 || minute > 59 || second > 59) throw FormatError("it is not a time");
    seconds += hour * 3'600 + minute * 60 + second;
    if (skip(text, '.')) {
      std::size_t places = 0;
      while (places < text.size() && text[places] >= '0' && text[places] <= '9') ++places;
      if (places == 0 || places > 18) throw FormatError("it is not a time");
      for (std::size_t i = 0; i < places; ++i) scale *= 10;
      fraction = digits(text, places);
    }
    expect(text, 'Z');
    if (!text.empty()) throw FormatError("it is not a time");
  }
  // Units of num/den seconds; what is finer is cut off, towards the past.
  const Wide units = seconds * den;
  const Wide whole = units / num - (units % num < 0 ? 1 : 0);
  const Wide count = whole + (units - whole * num + fraction * den / scale) / num;
  if (count < std::numeric_limits<std::int64_t>::min() || count > std::numeric_limits<std::int64_t>::max())
    throw_range();
  return static_cast<std::int64_t>(count);
}

}  // namespace lockstep::kafka::from_json
