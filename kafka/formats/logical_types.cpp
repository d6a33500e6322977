#include "kafka/formats/logical_types.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "kafka/formats/format.hpp"

namespace lockstep::kafka {

std::string to_text(const Uuid& uuid) {
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", uuid.high >> 32, uuid.high >> 16 & 0xffff,
                     uuid.high & 0xffff, uuid.low >> 48, uuid.low & 0xffff'ffff'ffff);
}

std::string decimal_text(WideUnits units, unsigned scale) {
  const bool is_negative = units < 0;
  std::string digits;  // the last first
  do {
    const int digit = static_cast<int>(units % 10);
    if (scale != 0 && digits.size() == scale) digits += '.';
    digits += static_cast<char>('0' + (digit < 0 ? -digit : digit));
    units /= 10;
  } while (units != 0 || digits.size() < scale + (scale == 0 ? 0 : 2));
  if (is_negative) digits += '-';
  return {digits.rbegin(), digits.rend()};
}

std::int64_t decimal_units(std::string_view text, unsigned scale) {
  const std::size_t sign = !text.empty() && text[0] == '-' ? 1 : 0;
  const std::size_t point = text.find('.');
  const std::string_view places = point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  std::string digits(text.substr(0, point));
  digits.append(places.substr(0, scale)).append(scale - std::min<std::size_t>(scale, places.size()), '0');
  const bool has_digits = digits.size() > sign && digits.find_first_not_of("0123456789", sign) == std::string::npos;
  if (!has_digits || text.size() == sign || text[sign] == '.' || (point != std::string_view::npos && places.empty()) ||
      places.find_first_not_of("0123456789") != std::string_view::npos) {
    throw FormatError("it is not a decimal number");
  }
  if (places.size() > scale && places.find_first_not_of('0', scale) != std::string_view::npos) {
    throw FormatError(fmt::format("the number has more than {} places", scale));
  }
  std::int64_t units = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), units).ec != std::errc()) {
    throw FormatError("the number is out of range");
  }
  return units;
}

Uuid uuid_of(std::string_view text) {
  constexpr std::size_t kDigits = 32;
  std::string digits;
  bool is_one = text.size() == 36;
  for (std::size_t at = 0; is_one && at < text.size(); ++at) {
    const bool is_dash = at == 8 || at == 13 || at == 18 || at == 23;
    is_one = is_dash == (text[at] == '-');
    if (!is_dash) digits += text[at];
  }
  Uuid uuid;
  const char* const begin = digits.data();
  if (!is_one || digits.size() != kDigits || std::from_chars(begin, begin + 16, uuid.high, 16).ptr != begin + 16 ||
      std::from_chars(begin + 16, begin + kDigits, uuid.low, 16).ptr != begin + kDigits) {
    throw FormatError("it is not a uuid");
  }
  return uuid;
}

}  // namespace lockstep::kafka
