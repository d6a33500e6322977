#include "kafka/formats/json_value.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
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
    case simdjson::INCORRECT_TYPE: throw_type();
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

/// Where it lies: to copy it takes as long as to find it.
ondemand::field& checked_field(simdjson::simdjson_result<ondemand::field>& result) {
  if (result.error() != simdjson::SUCCESS) fail(result.error());
  return result.value_unsafe();
}

/// The name of a field as it is written, if nothing in it is escaped.
std::string_view name_of(ondemand::field& field) {
  const char* const raw = field.key().raw();
  const char* end = raw;
  while (*end != '"' && *end != '\\') ++end;
  if (*end == '"') return {raw, static_cast<std::size_t>(end - raw)};
  return checked(field.unescaped_key());
}

}  // namespace

/// What a thread needs to read texts, and keeps.
struct JsonValue::Reader {
  ondemand::parser parser;
  std::string bytes;
  int depth = 0;

  /// Of arrays and objects, which are gone through by functions that call each other.
  struct Deeper {
    explicit Deeper(Reader& of) : depth(of.depth) {
      if (depth == kMostDepth) throw FormatError(fmt::format("it is nested more than {} deep", kMostDepth));
      ++depth;
    }
    Deeper(const Deeper&) = delete;
    ~Deeper() { --depth; }
    int& depth;
    static constexpr int kMostDepth = 500;
  };

  /// The parser looks beyond the end.
  ondemand::document parse(std::string_view before, std::string_view text, std::string_view after) {
    bytes.clear();
    bytes.reserve(text.size() + 2 + simdjson::SIMDJSON_PADDING);
    bytes.append(before).append(text).append(after);
    return checked(parser.iterate(bytes.data(), bytes.size(), bytes.capacity()));
  }
};

void JsonValue::parse(std::string_view text, FunctionRef<void(JsonValue&)> read) {
  thread_local Reader reader;
  if (text.empty()) throw FormatError("there is nothing");
  const auto check_end = [](ondemand::document& document) {
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
      throw FormatError("something follows the value");
    }
  };
  if (text[0] == '{') {
    ondemand::document document = reader.parse({}, text, {});
    ondemand::value value = checked(document.get_value());
    JsonValue whole(&value, reader);
    read(whole);
    return check_end(document);
  }
  // The parser wants something around a number or a text.
  ondemand::document document = reader.parse("[", text, "]");
  std::size_t values = 0;
  for (auto element : checked(document.get_array())) {
    if (++values == 2) throw FormatError("something follows the value");
    ondemand::value value = checked(element);
    JsonValue whole(&value, reader);
    read(whole);
  }
  if (values == 0) throw FormatError("there is nothing");
  check_end(document);
}

bool JsonValue::is_null() { return checked(of(value_).is_null()); }
bool JsonValue::is_text() { return checked(of(value_).type()) == ondemand::json_type::string; }
bool JsonValue::is_object() { return checked(of(value_).type()) == ondemand::json_type::object; }
std::int64_t JsonValue::whole() { return whole_number(of(value_).get_int64()); }
std::uint64_t JsonValue::whole_unsigned() { return whole_number(of(value_).get_uint64()); }
double JsonValue::number() { return checked(of(value_).get_double()); }
std::string_view JsonValue::number_text() {
  (void)number();  // it is one
  std::string_view text = of(value_).raw_json_token();
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}
bool JsonValue::boolean() { return checked(of(value_).get_bool()); }
std::string_view JsonValue::text() { return checked(of(value_).get_string()); }

void JsonValue::elements(FunctionRef<void(JsonValue&)> element) {
  const Reader::Deeper deeper(*reader_);
  ondemand::array array = checked(of(value_).get_array());
  for (auto one : array) {
    ondemand::value value = checked(one);
    JsonValue of_element(&value, *reader_);
    element(of_element);
  }
}

void JsonValue::fields(FunctionRef<void(std::string_view name, JsonValue&)> field) {
  fields({}, [&](std::size_t, std::string_view name, JsonValue& value) { field(name, value); });
}

void JsonValue::fields(std::span<const std::string_view> names,
                       FunctionRef<void(std::size_t place, std::string_view name, JsonValue&)> field) {
  const Reader::Deeper deeper(*reader_);
  const char* const end = reader_->bytes.data() + reader_->bytes.size();
  // Without looking for its end first: what is compared is mostly the same.
  const auto is_called = [end](const char* raw, std::string_view name) {
    return name.size() < static_cast<std::size_t>(end - raw) && raw[name.size()] == '"' &&
           std::memcmp(raw, name.data(), name.size()) == 0;
  };
  std::size_t expected = 0;
  ondemand::object object = checked(of(value_).get_object());
  for (auto&& one : object) {
    ondemand::field& of_object = checked_field(one);
    const char* const raw = of_object.key().raw();
    std::size_t place = expected < names.size() && is_called(raw, names[expected]) ? expected : names.size();
    std::string_view name;
    if (place != names.size()) {
      name = names[place];
    } else {
      name = name_of(of_object);
      place = static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
    }
    if (place != names.size()) expected = place + 1;
    JsonValue value(&of_object.value(), *reader_);
    field(place, name, value);
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

void check_written(std::string_view json) {
  if (!simdjson::validate_utf8(json.data(), json.size())) throw FormatError("a text of the row is not UTF-8");
}

}  // namespace lockstep::kafka
