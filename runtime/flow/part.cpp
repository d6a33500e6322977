#include "runtime/flow/part.hpp"

#include <utility>

namespace lockstep {

Part::Part(std::string kind, std::string name) : kind(std::move(kind)), name(std::move(name)) {}
Part::Part(const Part&) = default;
Part::Part(Part&&) noexcept = default;
Part& Part::operator=(const Part&) = default;
Part& Part::operator=(Part&&) noexcept = default;
Part::~Part() = default;

ReadInfo::ReadInfo(const Description* flow) : flow(flow) {}
ReadInfo::ReadInfo(const ReadInfo&) = default;
ReadInfo::ReadInfo(ReadInfo&&) noexcept = default;
ReadInfo::~ReadInfo() = default;

void ReadInfo::add_edge(EdgeId edge) { edges.push_back(edge); }

void ReadInfo::add_fused(const Part& part) {
  fused.push_back({part.kind, part.name, part.version, part.only_keys, part.runs_user_code});
}

void ReadInfo::drop_fused() { fused.pop_back(); }

}  // namespace lockstep
