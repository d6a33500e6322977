#include "kafka/formats/json_value.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <cstring>
#include <string>
#include <utility>

#include "kafka/formats/format.hpp"

namespace lockstep::kafka {

namespace {

namespace ondemand = simdjson::ondemand;

ondemand::value& of(void* value) { return *static_cast<ondemand::value*>(value); }

[[noreturn]] void fail(simdjson::error_code error) {
  switch (error) {
    case simdjson::INCORRECT_TYPE: throw FormatError("it is of another type");
    case simdjson::NUMBER_OUT_OF_RANGE: throw FormatError("the number is out of range");
    case simdjson::NUMBER_ERROR: throw FormatError("the number is not such a number");
    case simdjson::STRING_ERROR: throw FormatError("the text has an escape that is none, or half of a surrogate pair");
    case simdjson::UTF8_ERROR: throw FormatError("it is not UTF-8");
    default: throw FormatError(std::string("it is not JSON: ") + simdjson::error_message(error));
  }
}

template <class T>
T checked(simdjson::simdjson_result<T> result) {
  T value;
  if (const auto error = std::move(result).get(value); error != simdjson::SUCCESS) fail(error);
  return value;
}

/// The parser does not tell a number that does not fit from what is none.
template <class T>
T whole_number(simdjson::simdjson_result<T>&& result) {
  T value;
  const auto error = std::move(result).get(value);
  if (error == simdjson::INCORRECT_TYPE || error == simdjson::NUMBER_ERROR || error == simdjson::NUMBER_OUT_OF_RANGE) {
    throw FormatError("it is not a whole number, or is out of range");
  }
  if (error != simdjson::SUCCESS) fail(error);
  return value;
}

/// What a thread needs to read texts, and keeps.
struct Reader {
  ondemand::parser parser;
  std::string bytes;
};

/// The name of a field as it is written, if nothing in it is escaped.
std::string_view name_of(ondemand::field& field) {
  const char* const raw = field.key().raw();
  const char* end = raw;
  while (*end != '"' && *end != '\\') ++end;
  if (*end == '"') return {raw, static_cast<std::size_t>(end - raw)};
  return checked(field.unescaped_key());
}

}  // namespace

void JsonValue::parse(std::string_view text, FunctionRef<void(JsonValue&)> read) {
  thread_local Reader reader;
  if (text.empty()) throw FormatError("there is nothing");
  // The parser looks beyond the end, and wants something around a number or a text.
  reader.bytes.clear();
  reader.bytes.reserve(text.size() + 2 + simdjson::SIMDJSON_PADDING);
  reader.bytes.append(1, '[').append(text).append(1, ']');
  auto document = checked(reader.parser.iterate(reader.bytes.data(), reader.bytes.size(), reader.bytes.capacity()));
  std::size_t values = 0;
  ondemand::array array = checked(document.get_array());
  for (auto element : array) {
    if (++values == 2) break;
    ondemand::value value = checked(element);
    JsonValue one(&value);
    read(one);
  }
  if (values == 0) throw FormatError("there is nothing");
  if (values == 2 || document.current_location().error() != simdjson::OUT_OF_BOUNDS)
    throw FormatError("something follows the value");
}

bool JsonValue::is_null() { return checked(of(value_).is_null()); }
bool JsonValue::is_text() { return checked(of(value_).type()) == ondemand::json_type::string; }
std::int64_t JsonValue::whole() { return whole_number(of(value_).get_int64()); }
std::uint64_t JsonValue::whole_unsigned() { return whole_number(of(value_).get_uint64()); }
double JsonValue::number() { return checked(of(value_).get_double()); }
bool JsonValue::boolean() { return checked(of(value_).get_bool()); }
std::string_view JsonValue::text() { return checked(of(value_).get_string()); }

void JsonValue::elements(FunctionRef<void(JsonValue&)> element) {
  ondemand::array array = checked(of(value_).get_array());
  for (auto one : array) {
    ondemand::value value = checked(one);
    JsonValue of_element(&value);
    element(of_element);
  }
}

void JsonValue::fields(FunctionRef<void(std::string_view name, JsonValue&)> field) {
  ondemand::object object = checked(of(value_).get_object());
  for (auto one : object) {
    ondemand::field of_object;
    if (const auto error = std::move(one).get(of_object); error != simdjson::SUCCESS) fail(error);
    const std::string_view name = name_of(of_object);
    JsonValue value(&of_object.value());
    field(name, value);
  }
}

void JsonValue::skip() {
  switch (checked(of(value_).type())) {
    case ondemand::json_type::array: return elements([](JsonValue& one) { one.skip(); });
    case ondemand::json_type::object: return fields([](std::string_view, JsonValue& one) { one.skip(); });
    case ondemand::json_type::number: return void(number());
    case ondemand::json_type::string: return void(text());
    case ondemand::json_type::boolean: return void(boolean());
    case ondemand::json_type::null:
      if (!is_null()) throw FormatError("it is not JSON: neither null nor anything else");
  }
}

}  // namespace lockstep::kafka
