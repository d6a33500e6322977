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

FusedPart::FusedPart(const Part& part)
    : kind(part.kind),
      name(part.name),
      detail(part.detail),
      version(part.version),
      only_keys(part.only_keys),
      runs_user_code(part.runs_user_code),
      gives_what_it_reads(part.gives_what_it_reads) {}

void ReadInfo::add_edge(EdgeId edge) {
  edges.push_back(edge);
  ++streams;
}

void ReadInfo::add_fused(const Part& part, std::size_t takes) {
  FusedPart& added = fused.emplace_back(part);
  added.takes = takes;
  added.edges_before = edges.size();
  streams -= takes - 1;
}

void ReadInfo::drop_fused() {
  streams += fused.back().takes - 1;
  fused.pop_back();
}

}  // namespace lockstep
