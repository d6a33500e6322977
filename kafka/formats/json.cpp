#include "kafka/formats/json.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace lockstep::kafka::from_json {

void throw_missing(std::string_view field) { throw FormatError(fmt::format("field \"{}\" is missing", field)); }
void throw_twice(std::string_view field) { throw FormatError(fmt::format("field \"{}\" is there twice", field)); }
void throw_unknown(std::string_view field) { throw FormatError(fmt::format("field \"{}\" is not known", field)); }
void throw_length(std::size_t wanted) { throw FormatError(fmt::format("it is not an array of {}", wanted)); }

double read_real(JsonValue& in) {
  if (!in.is_text()) return in.number();
  const std::string_view text = in.text();
  if (text == "NaN") return std::nan("");
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  throw_type();
}

std::int64_t read_time(JsonValue& in, std::int64_t num, std::int64_t den) {
  return in.is_text() ? scalar_text::read_time(in.text(), num, den) : in.whole();
}

}  // namespace lockstep::kafka::from_json
