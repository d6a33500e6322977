#include "runtime/flow/stream.hpp"

#include "runtime/flow/names.hpp"

namespace lockstep {

Part GivenName::part(std::string_view kind, const std::string& of, const std::string& detail) const {
  Part part(std::string(kind), name_.empty() ? derived_name(kind, detail.empty() ? of : of + ", " + detail) : name_);
  part.detail = detail;
  part.version = version_;
  return part;
}

void GivenName::set_name(std::string name) { name_ = checked_name("name of an operator", std::move(name)); }

void GivenName::set_version(std::string version) {
  version_ = checked_name("version of an operator", std::move(version));
}

}  // namespace lockstep
