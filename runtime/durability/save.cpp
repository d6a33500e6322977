#include "runtime/durability/save.hpp"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace lockstep {

namespace {

/// What saved state must agree on with the operator that loads it.
std::string identity(const Description& flow, const OperatorInfo& info) {
  std::string text = info.kind + ", " + info.state;
  if (info.has_output) text += ", giving " + flow.edges[info.output].schema.to_string();
  return text;
}

using Nodes = std::vector<PlacedNode*>;  // by worker

/// The nodes with state, by the names of their operators.
std::map<std::string, Nodes> stateful_nodes(Engine& engine) {
  std::map<std::string, Nodes> found;
  for (const auto& worker : engine.workers()) {
    for (PlacedNode& placed : worker->nodes()) {
      if (placed.node->has_state()) found[placed.info->name].push_back(&placed);
    }
  }
  return found;
}

void load_operator(Engine& engine, Decoder& in, std::map<std::string, Nodes>& missing) {
  const std::string name(in.bytes());
  const std::string before(in.bytes());
  const auto found = missing.find(name);
  if (found == missing.end()) {
    throw SavedStateError(fmt::format("the saved state has an operator '{}', this dataflow has not", name));
  }
  const Nodes nodes = std::move(found->second);
  missing.erase(found);
  if (const std::string now = identity(engine.flow(), *nodes.front()->info); now != before) {
    throw SavedStateError(fmt::format("operator '{}' was saved as: {}; and now is: {}", name, before, now));
  }
  const auto workers = static_cast<unsigned>(nodes.size());
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    Decoder part(in.bytes());
    if (!part.at_end()) nodes[worker_of_slot(slot, workers)]->node->load(part);
  }
}

}  // namespace

SavedState save_state(Engine& engine) {
  engine.state().failure.rethrow_if_failed();
  std::string content;
  Encoder out(content);
  out.varint(engine.state().completed());
  engine.intake().save(out);
  const std::map<std::string, Nodes> stateful = stateful_nodes(engine);
  out.varint(stateful.size());
  std::string part;
  for (const auto& [name, nodes] : stateful) {
    out.bytes(name);
    out.bytes(identity(engine.flow(), *nodes.front()->info));
    const auto workers = static_cast<unsigned>(nodes.size());
    for (unsigned slot = 0; slot < kSlots; ++slot) {
      part.clear();
      Encoder part_out(part);
      nodes[worker_of_slot(slot, workers)]->node->save(slot, part_out);
      out.bytes(part);
    }
  }
  return SavedState::seal(content);
}

void load_state(Engine& engine, const SavedState& saved) {
  try {
    Decoder in(saved.unseal());
    engine.resume_after(in.varint());
    engine.intake().load(in);
    std::map<std::string, Nodes> missing = stateful_nodes(engine);
    for (std::uint64_t operators = in.varint(); operators != 0; --operators) load_operator(engine, in, missing);
    if (!missing.empty()) {
      throw SavedStateError(
          fmt::format("the saved state has no operator '{}', this dataflow has", missing.begin()->first));
    }
    if (!in.at_end()) throw SavedStateError("the saved state is damaged: there are bytes after its end");
    for (const auto& worker : engine.workers()) worker->resume();
  } catch (const DecodeError& error) {
    throw SavedStateError(fmt::format("the saved state does not fit this dataflow: {}", error.what()));
  }
}

}  // namespace lockstep
