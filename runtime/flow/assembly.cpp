#include "runtime/flow/assembly.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace lockstep {

Assembly::Assembly(const Description& description, CommonAssembly& common, Pulse& pulse, unsigned worker)
    : common(common), pulse(pulse), worker(worker), description_(description) {
  parts_.edges.resize(description.edges.size());
}

Assembly::~Assembly() = default;

const OperatorInfo& Assembly::info(OperatorId id) const { return description_.operators[id]; }

void Assembly::add_edge(EdgeId id, EdgeBase* edge) {
  parts_.edges[id].reset(edge);
  for (OutputId output = 0; output < description_.outputs.size(); ++output) {
    if (description_.outputs[output].edge == id) edge->publish_as(output);
  }
}

void Assembly::add_inner_edge(EdgeBase* edge) {
  std::unique_ptr<EdgeBase> owned(edge);
  parts_.edges.push_back(std::move(owned));
}

EdgeBase& Assembly::edge_base(EdgeId id) { return *parts_.edges.at(id); }

PlacedNode& Assembly::add_node_alone(const OperatorInfo& info, unsigned level, Node* node) {
  PlacedNode placed{std::unique_ptr<Node>(node), &info, level, {}};
  parts_.nodes.push_back(std::move(placed));
  return parts_.nodes.back();
}

void Assembly::add_read(PlacedNode& placed, const EdgeBase& edge) {
  placed.reads.push_back(const_cast<EdgeBase*>(&edge));
}

std::uint32_t Assembly::lane(const OperatorInfo& info, unsigned ordinal, LaneBase* (*make)(unsigned workers)) {
  const auto [found, fresh] = common.lanes.try_emplace({info.id, ordinal}, 0);
  if (fresh) found->second = common.transport->add_lane(std::unique_ptr<LaneBase>(make(workers())));
  return found->second;
}

void Assembly::provide_view(const ProvidedView& view) { parts_.views.push_back(view); }

IndexViewBase& Assembly::view_base(EdgeId id) {
  const auto found = std::find_if(parts_.views.begin(), parts_.views.end(),
                                  [id](const ProvidedView& provided) { return provided.of == id; });
  assert(found != parts_.views.end());
  return *found->view;
}

void Assembly::add_contents(KeptContents contents) { parts_.contents.push_back(std::move(contents)); }

void Assembly::add_contents(const ContentsInfo& of_an_index) {
  add_contents(
      {of_an_index.of, [view = &view_base(of_an_index.indexed), pin = of_an_index.pin] { return pin(*view); }});
}

Assembly::Parts Assembly::take() { return std::move(parts_); }

}  // namespace lockstep
