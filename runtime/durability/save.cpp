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
std::string identity(const OperatorInfo& info) {
  std::string text = info.kind + ", " + info.state;
  const auto add_version = [&text](const auto& part) {
    if (!part.version.empty()) text += ", version " + part.version + " of " + part.name;
  };
  for (const FusedPart& part : info.fused) add_version(part);
  add_version(info);
  if (info.schema) text += ", giving " + info.schema->to_string();
  return text;
}

using Nodes = std::vector<PlacedNode*>;  // by worker

/// The nodes with state, by the names of their operators.
std::map<std::string, Nodes> stateful_nodes(Engine& engine) {
  std::map<std::string, Nodes> found;
  for (const auto& worker : engine.workers()) {
    for (PlacedNode& placed : worker->nodes()) {
      if (placed.node->state() != nullptr) found[placed.info->name].push_back(&placed);
    }
  }
  return found;
}

void load_operator(Decoder& in, std::map<std::string, Nodes>& missing) {
  const std::string name(in.bytes());
  const std::string before(in.bytes());
  const auto found = missing.find(name);
  if (found == missing.end()) {
    throw SavedStateError(fmt::format("the saved state has an operator '{}', this dataflow has not", name));
  }
  const Nodes nodes = std::move(found->second);
  missing.erase(found);
  if (const std::string now = identity(*nodes.front()->info); now != before) {
    throw SavedStateError(fmt::format("operator '{}' was saved as: {}; and now is: {}", name, before, now));
  }
  const auto workers = static_cast<unsigned>(nodes.size());
  const bool whole = nodes.front()->info->placement == Placement::whole;
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    Decoder part(in.bytes());
    if (part.at_end()) continue;
    if (whole) {
      for (const PlacedNode* placed : nodes) {
        Decoder copy = part;
        placed->node->state()->load(copy);
      }
    } else {
      nodes[worker_of_slot(slot, workers)]->node->state()->load(part);
    }
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
    out.bytes(identity(*nodes.front()->info));
    const auto workers = static_cast<unsigned>(nodes.size());
    const bool whole = nodes.front()->info->placement == Placement::whole;
    for (unsigned slot = 0; slot < kSlots; ++slot) {
      part.clear();
      Encoder part_out(part);
      nodes[whole ? 0 : worker_of_slot(slot, workers)]->node->state()->save(slot, part_out);
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
    for (std::uint64_t operators = in.varint(); operators != 0; --operators) load_operator(in, missing);
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
