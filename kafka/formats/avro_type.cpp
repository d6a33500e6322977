#include "kafka/formats/avro_type.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <map>
#include <string_view>

namespace lockstep::kafka {

namespace {

namespace dom = simdjson::dom;
using Kind = AvroType::Kind;
using Logical = AvroType::Logical;
using Type = std::shared_ptr<const AvroType>;

[[noreturn]] void fail(const std::string& why) { throw FormatError("its schema is none that rows have: " + why); }

/// Of more parts than rows have: as types are used by their names, a short schema may have any number.
constexpr std::size_t kMostTypes = 100'000;

/// What is known of a type when its parts are.
Type finished(AvroType type) {
  switch (type.kind) {
    case Kind::null: type.may_be_empty = true; break;
    case Kind::fixed: type.may_be_empty = type.size == 0; break;
    case Kind::record: type.may_be_empty = true; break;
    default: break;
  }
  for (const Type& part : type.parts) {
    type.types += part->types;
    if (type.kind == Kind::record) type.may_be_empty &= part->may_be_empty;
  }
  if (type.types > kMostTypes) fail("it is too large");
  // A few bytes could say that there are as many as one can count.
  if (type.kind == Kind::array && type.parts[0]->may_be_empty) fail("an array's items have no bytes");
  return std::make_shared<AvroType>(std::move(type));
}

class Parser {
 public:
  Type parse(const dom::element& element) {
    if (element.is_string()) return named(std::string(std::string_view(element)));
    if (element.is_array()) return any_of(element);
    const dom::element inner = member(element, "type");
    if (!inner.is_string()) return parse(inner);
    const std::string name(std::string_view{inner});
    if (name == "record" || name == "error") return record(element);
    if (name == "enum") return enumeration(element);
    if (name == "array") return container(Kind::array, member(element, "items"));
    if (name == "map") return container(Kind::map, member(element, "values"));
    if (name == "fixed") return fixed(element);
    Type found = named(name);
    if (!found->parts.empty() || !found->names.empty() || found->kind == Kind::fixed) return found;
    AvroType type{.kind = found->kind};
    set_logical(type, element);
    return finished(std::move(type));
  }

 private:
  static dom::element member(const dom::element& of, const char* name) {
    dom::element found;
    if (!of.is_object() || of[name].get(found) != simdjson::SUCCESS) fail(fmt::format("\"{}\" is missing", name));
    return found;
  }
  static dom::array array(const dom::element& of, const char* name) {
    const dom::element found = member(of, name);
    if (!found.is_array()) fail(fmt::format("\"{}\" is no array", name));
    return found;
  }
  static std::uint64_t number(const dom::element& of, const char* name) {
    std::uint64_t number = 0;
    if (member(of, name).get(number) != simdjson::SUCCESS) fail(fmt::format("\"{}\" is no size", name));
    return number;
  }
  static std::string text(const dom::element& of, const char* name) {
    std::string_view text;
    if (member(of, name).get(text) != simdjson::SUCCESS) fail(fmt::format("\"{}\" is no text", name));
    return std::string(text);
  }
  /// Empty, if there is none.
  static std::string_view text_if_any(const dom::element& of, const char* name) {
    std::string_view text;
    return of[name].get(text) == simdjson::SUCCESS ? text : std::string_view();
  }

  Type named(const std::string& name) const {
    static const std::map<std::string, Kind> kPlain = {
        {"null", Kind::null},        {"boolean", Kind::boolean},    {"int", Kind::whole},   {"long", Kind::whole},
        {"float", Kind::float_real}, {"double", Kind::double_real}, {"bytes", Kind::bytes}, {"string", Kind::string}};
    if (const auto found = kPlain.find(name); found != kPlain.end()) return finished({.kind = found->second});
    auto found = defined_.find(name.find('.') == std::string::npos && !space_.empty() ? space_ + "." + name : name);
    if (found == defined_.end()) found = defined_.find(name);
    if (found == defined_.end()) fail(fmt::format("there is no type '{}'", name));
    if (found->second == nullptr) fail(fmt::format("'{}' is recursive", name));
    return found->second;
  }

  Type any_of(const dom::element& element) {
    AvroType type{.kind = Kind::any_of};
    for (const dom::element branch : dom::array(element)) {
      type.parts.push_back(parse(branch));
      if (type.parts.back()->kind == Kind::any_of) fail("a union in a union");
    }
    return finished(std::move(type));
  }

  Type record(const dom::element& element) {
    const std::string outer = space_;
    const std::string name = full_name(element);
    defined_[name] = nullptr;  // within it
    AvroType type{.kind = Kind::record};
    for (const dom::element field : array(element, "fields")) {
      type.names.push_back(text(field, "name"));
      // A logical type may stand beside the field's name as well.
      const bool is_beside = member(field, "type").is_string() && !text_if_any(field, "logicalType").empty();
      type.parts.push_back(parse(is_beside ? field : member(field, "type")));
    }
    space_ = outer;
    return defined_[name] = finished(std::move(type));
  }

  Type enumeration(const dom::element& element) {
    AvroType type{.kind = Kind::enumeration};
    for (const dom::element symbol : array(element, "symbols")) {
      if (!symbol.is_string()) fail("a symbol is no text");
      type.names.emplace_back(std::string_view(symbol));
    }
    return define(element, std::move(type));
  }

  Type fixed(const dom::element& element) {
    AvroType type{.kind = Kind::fixed};
    type.size = number(element, "size");
    set_logical(type, element);
    return define(element, std::move(type));
  }

  Type container(Kind kind, const dom::element& part) {
    AvroType type{.kind = kind};
    type.parts.push_back(parse(part));
    return finished(std::move(type));
  }

  static void set_logical(AvroType& type, const dom::element& element) {
    const std::string_view logical = text_if_any(element, "logicalType");
    if (logical == "decimal" && (type.kind == Kind::bytes || type.kind == Kind::fixed)) {
      dom::element scale;
      const std::uint64_t places = element["scale"].get(scale) == simdjson::SUCCESS ? number(element, "scale") : 0;
      if (places > 38) fail(fmt::format("a decimal of {} places", places));
      type.logical = Logical::decimal;
      type.scale = static_cast<unsigned>(places);
    } else if (type.kind != Kind::whole) {
      return;
    } else if (logical == "date") {
      type.logical = Logical::date;
    } else if (logical == "timestamp-millis" || logical == "local-timestamp-millis" || logical == "time-millis") {
      type.logical = Logical::milliseconds;
    } else if (logical == "timestamp-micros" || logical == "local-timestamp-micros" || logical == "time-micros") {
      type.logical = Logical::microseconds;
    } else if (logical == "timestamp-nanos" || logical == "local-timestamp-nanos") {
      type.logical = Logical::nanoseconds;
    }
  }

  /// Names within it are in its namespace.
  std::string full_name(const dom::element& element) {
    std::string name = text(element, "name");
    if (const std::size_t dot = name.rfind('.'); dot != std::string::npos) {
      space_ = name.substr(0, dot);
      return name;
    }
    if (const std::string_view space = text_if_any(element, "namespace"); !space.empty()) space_ = space;
    return space_.empty() ? name : space_ + "." + name;
  }
  Type define(const dom::element& element, AvroType type) {
    const std::string outer = space_;
    const std::string name = full_name(element);
    space_ = outer;
    return defined_[name] = finished(std::move(type));
  }

  std::map<std::string, Type> defined_;
  std::string space_;
};

}  // namespace

std::shared_ptr<const AvroType> avro_type_of(const std::string& text) {
  dom::parser parser;
  dom::element element;
  const auto error = parser.parse(text).get(element);
  if (error != simdjson::SUCCESS) fail(simdjson::error_message(error));
  return Parser().parse(element);
}

}  // namespace lockstep::kafka
