#include "runtime/rows/schema.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

#include "runtime/rows/text.hpp"

namespace lockstep {

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

std::string unit_name(std::int64_t num, std::int64_t den) {
  std::string name;
  append_unit(name, num, den);
  return name;
}

}  // namespace derived
}  // namespace lockstep
