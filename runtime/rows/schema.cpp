#include "runtime/rows/schema.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <utility>

#include "runtime/rows/text.hpp"

namespace lockstep {

Schema::Schema() = default;
Schema::Schema(Kind of_kind, std::string of_name) : kind(of_kind), name(std::move(of_name)) {}
Schema::Schema(Kind of_kind, std::string of_name, std::vector<SchemaField> of_fields)
    : kind(of_kind), name(std::move(of_name)), fields(std::move(of_fields)) {}
Schema::Schema(const Schema&) = default;
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(const Schema&) = default;
Schema& Schema::operator=(Schema&&) noexcept = default;
Schema::~Schema() = default;

SchemaField::SchemaField(std::string of_name, Schema of_schema)
    : name(std::move(of_name)), schema(std::move(of_schema)) {}
SchemaField::SchemaField(const SchemaField&) = default;
SchemaField::SchemaField(SchemaField&&) noexcept = default;
SchemaField& SchemaField::operator=(const SchemaField&) = default;
SchemaField& SchemaField::operator=(SchemaField&&) noexcept = default;
SchemaField::~SchemaField() = default;

void Schema::add_field(std::string_view of_name, Schema schema) {
  fields.emplace_back(std::string(of_name), std::move(schema));
}

std::string Schema::to_string() const {
  switch (kind) {
    case Kind::optional:
    case Kind::sequence: return name + "<" + fields.at(0).schema.to_string() + ">";
    case Kind::enumeration: return name + ": " + fields.at(0).schema.to_string();
    case Kind::duration: return fields.at(0).schema.to_string() + " " + name;
    case Kind::time: return "time of " + name + " in " + fields.at(0).schema.to_string();
    default: break;
  }
  if (kind != Kind::tuple && kind != Kind::record) return name;
  std::string out = name;
  out += kind == Kind::record ? '{' : '(';
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i != 0) out += ", ";
    if (!fields[i].name.empty()) out += fields[i].name + ": ";
    out += fields[i].schema.to_string();
  }
  out += kind == Kind::record ? '}' : ')';
  return out;
}

bool operator==(const Schema& a, const Schema& b) {
  if (a.kind != b.kind || a.name != b.name || a.fields.size() != b.fields.size()) return false;
  for (std::size_t i = 0; i < a.fields.size(); ++i) {
    if (a.fields[i].name != b.fields[i].name || !(a.fields[i].schema == b.fields[i].schema)) return false;
  }
  return true;
}

namespace derived {

std::string demangled(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(mangled, nullptr, nullptr, &status), std::free);
  return status == 0 ? std::string(text.get()) : std::string(mangled);
}

Schema schema_of(Schema::Kind kind, const char* name) { return {kind, name}; }
Schema schema_of(Schema::Kind kind, const char* name, std::size_t bytes) {
  return {kind, name + std::to_string(8 * bytes)};
}
Schema schema_of(Schema::Kind kind, const std::string& name, Schema element) {
  Schema schema(kind, name);
  schema.add_field("", std::move(element));
  return schema;
}

std::string unit_name(std::int64_t num, std::int64_t den) {
  std::string name;
  append_unit(name, num, den);
  return name;
}

}  // namespace derived
}  // namespace lockstep
