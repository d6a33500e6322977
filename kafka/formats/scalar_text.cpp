#include "kafka/formats/scalar_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace lockstep::kafka::scalar_text {

void throw_range() { throw FormatError("the number is out of range"); }
void throw_no_such(std::string_view text) {
  constexpr std::size_t kShown = 100;
  throw FormatError(fmt::format("there is no \"{}{}\"", text.substr(0, kShown), text.size() > kShown ? "..." : ""));
}

namespace {

template <class T>
T read_number(std::string_view text, const char* what) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) throw_range();
  if (error != std::errc() || end != text.data() + text.size()) throw FormatError(what);
  return value;
}

[[noreturn]] void throw_no_time() { throw FormatError("it is not a time such as 2026-11-28T12:00:00Z"); }

/// A part of a time, of so many digits.
std::int64_t digits(std::string_view& text, std::size_t count) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + std::min(count, text.size()), value);
  if (error != std::errc() || end != text.data() + count || text[0] == '-') throw_no_time();
  text.remove_prefix(count);
  return value;
}

bool skip(std::string_view& text, char wanted) {
  if (text.empty() || text[0] != wanted) return false;
  text.remove_prefix(1);
  return true;
}
void expect(std::string_view& text, char wanted) {
  if (!skip(text, wanted)) throw_no_time();
}

/// Of a place's time from UTC, in seconds: `+hh:mm`.
std::int64_t offset(std::string_view& text) {
  const bool is_west = skip(text, '-');
  if (!is_west) expect(text, '+');
  const std::int64_t hours = digits(text, 2);
  expect(text, ':');
  const std::int64_t minutes = digits(text, 2);
  if (hours > 23 || minutes > 59) throw_no_time();
  return (hours * 3'600 + minutes * 60) * (is_west ? -1 : 1);
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

std::int64_t read_integer(std::string_view text) { return read_number<std::int64_t>(text, "it is not a whole number"); }
std::uint64_t read_unsigned(std::string_view text) {
  return read_number<std::uint64_t>(text, "it is not a whole number");
}
double read_real(std::string_view text) { return read_number<double>(text, "it is not a number"); }

bool read_boolean(std::string_view text) {
  if (text != "true" && text != "false") throw FormatError("it is neither true nor false");
  return text == "true";
}

std::uint32_t read_character(std::string_view text) {
  const auto byte = [&text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  if (!text.empty()) {
    const std::size_t length = byte(0) < 0x80 ? 1 : byte(0) < 0xc0 ? 0 : byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
    if (length != 0 && text.size() == length) {
      std::uint32_t character = length == 1 ? byte(0) : byte(0) & (0xffU >> (length + 1));
      bool is_whole = true;
      for (std::size_t at = 1; at < length; ++at) {
        is_whole &= (byte(at) & 0xc0U) == 0x80;
        character = character << 6 | (byte(at) & 0x3fU);
      }
      if (is_whole) return character;
    }
  }
  throw FormatError("it is not one character");
}

std::int64_t read_time(std::string_view text, std::int64_t num, std::int64_t den) {
  __extension__ using Wide = __int128;
  const bool is_negative = skip(text, '-');
  const std::size_t year_digits = text.find('-');
  if (year_digits == std::string_view::npos || year_digits < 4 || year_digits > 12) throw_no_time();
  const std::int64_t year = digits(text, year_digits) * (is_negative ? -1 : 1);
  expect(text, '-');
  const std::int64_t month = digits(text, 2);
  expect(text, '-');
  const std::int64_t day = digits(text, 2);
  if (month < 1 || month > 12) throw_no_time();
  const std::int64_t first = days_since_1970(year, month, 1);
  const std::int64_t next = month == 12 ? days_since_1970(year + 1, 1, 1) : days_since_1970(year, month + 1, 1);
  if (day < 1 || day > next - first) throw_no_time();
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
    if (hour > 23 || minute > 59 || second > 59) throw_no_time();
    seconds += hour * 3'600 + minute * 60 + second;
    if (skip(text, '.')) {
      std::size_t places = 0;
      while (places < text.size() && text[places] >= '0' && text[places] <= '9') ++places;
      if (places == 0 || places > 18) throw_no_time();
      for (std::size_t i = 0; i < places; ++i) scale *= 10;
      fraction = digits(text, places);
    }
    if (!skip(text, 'Z')) seconds -= offset(text);
    if (!text.empty()) throw_no_time();
  }
  // Units of num/den seconds; what is finer is cut off, towards the past.
  const Wide units = seconds * den;
  const Wide whole = units / num - (units % num < 0 ? 1 : 0);
  const Wide count = whole + (units - whole * num + fraction * den / scale) / num;
  if (count < std::numeric_limits<std::int64_t>::min() || count > std::numeric_limits<std::int64_t>::max())
    throw_range();
  return static_cast<std::int64_t>(count);
}

}  // namespace lockstep::kafka::scalar_text
