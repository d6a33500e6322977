#include "kafka/formats/debezium.hpp"

#include <fmt/format.h>

namespace lockstep::kafka::debezium_event {

Operation operation(std::string_view text) {
  if (text == "c" || text == "r" || text == "u") return Operation::upsert;
  if (text == "d") return Operation::erase;
  if (text == "t") return Operation::truncate;
  throw FormatError(fmt::format("\"op\": \"{}\" is not one of c, r, u, d, t", text));
}

void read_event(std::string_view text, FunctionRef<void(std::string_view name, JsonValue& value)> field) {
  JsonValue::parse(text, [&](JsonValue& whole) {
    whole.fields([&](std::string_view name, JsonValue& value) {
      if (name == "schema") return value.skip();
      name == "payload" ? value.fields(field) : field(name, value);
    });
  });
}

void read_key(std::string_view text, FunctionRef<void(JsonValue&)> read) {
  bool has_schema = false;
  bool has_payload = false;
  JsonValue::parse(text, [&](JsonValue& whole) {
    if (!whole.is_object()) return whole.skip();
    whole.fields([&](std::string_view name, JsonValue& value) {
      has_schema |= name == "schema";
      has_payload |= name == "payload";
      value.skip();
    });
  });
  JsonValue::parse(text, [&](JsonValue& whole) {
    if (!has_schema || !has_payload) return read(whole);
    whole.fields([&](std::string_view name, JsonValue& value) { name == "payload" ? read(value) : value.skip(); });
  });
}

void throw_no_operation() { throw FormatError("field \"op\" is missing"); }
void throw_no_after() { throw FormatError("\"after\": there is no row"); }
void throw_no_key() { throw FormatError("it has no such key as the table"); }

}  // namespace lockstep::kafka::debezium_event
