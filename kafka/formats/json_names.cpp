#include "kafka/formats/json_names.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/faults/errors.hpp"

namespace lockstep::kafka {

namespace {

/// `from_account` as `fromAccount`.
std::string in_camel_case(std::string_view name) {
  std::string out;
  bool is_next_large = false;
  for (const char c : name) {
    if (c == '_' && !out.empty()) {
      is_next_large = true;
      continue;
    }
    out += is_next_large && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    is_next_large = false;
  }
  return out;
}

}  // namespace

bool JsonNames::add(const void* identity, std::span<const std::string_view> fields, FieldNames names,
                    const Renamed& renamed) {
  const auto is_same = [identity](const auto& one) { return one->identity == identity; };
  if (std::any_of(structs_.begin(), structs_.end(), is_same)) return false;
  const auto made = std::make_shared<Struct>();
  made->identity = identity;
  for (const std::string_view field : fields) {
    const auto found = renamed.find(std::string(field));
    std::string name = found != renamed.end()            ? found->second
                       : names == FieldNames::camel_case ? in_camel_case(field)
                                                         : std::string(field);
    if (name.find_first_of("\"\\") != std::string::npos) {
      throw FlowError(fmt::format("'{}' is no name of a field in JSON: it has quotes or backslashes", name));
    }
    if (std::find(made->names.begin(), made->names.end(), name) != made->names.end()) {
      throw FlowError(fmt::format("two fields of a row are called \"{}\" in JSON", name));
    }
    made->names.push_back(std::move(name));
    made->fields.emplace_back(field);
  }
  made->views.assign(made->names.begin(), made->names.end());
  structs_.push_back(made);
  return true;
}

void JsonNames::check(const Renamed& renamed) const {
  for (const auto& [field, name] : renamed) {
    const auto has = [&field = field](const auto& one) {
      return std::find(one->fields.begin(), one->fields.end(), field) != one->fields.end();
    };
    if (std::none_of(structs_.begin(), structs_.end(), has)) {
      throw FlowError(fmt::format("there is no field \"{}\" in the row, to be called \"{}\" in JSON", field, name));
    }
  }
}

}  // namespace lockstep::kafka
