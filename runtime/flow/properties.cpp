#include "runtime/flow/properties.hpp"

namespace lockstep {

std::string Properties::to_string() const {
  std::string out;
  const auto add = [&out](const char* word) { out += (out.empty() ? "" : ", ") + std::string(word); };
  switch (partitioning) {
    case Partitioning::none: add("not partitioned"); break;
    case Partitioning::colocated: add("equal rows together"); break;
    case Partitioning::by_row: add("by row"); break;
    case Partitioning::by_key: add("by key"); break;
  }
  if (append_only) add("append-only");
  if (unique_by_key) add("unique by key");
  if (step_dependent) add("step-dependent");
  return out;
}

}  // namespace lockstep
