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
  const Placement placement = nodes.front()->info->placement;
  for (std::uint64_t slots = in.varint(); slots != 0; --slots) {
    const std::uint64_t slot = in.varint();
    if (slot >= kSlots) throw DecodeError(fmt::format("operator '{}' has items in slot {}", name, slot));
    Decoder items(in.bytes());
    if (placement == Placement::whole) {
      for (const PlacedNode* placed : nodes) {
        Decoder copy = items;
        placed->node->state()->load(copy);
      }
    } else {
      const unsigned owner = placement == Placement::first ? 0 : worker_of_slot(static_cast<unsigned>(slot), workers);
      nodes[owner]->node->state()->load(items);
    }
  }
}

}  // namespace

PinnedEngine::PinnedEngine(Engine& engine) : flow_(engine.shared_flow()), step_(engine.state().completed()) {
  engine.state().failure.rethrow_if_failed();
  Encoder intake(intake_);
  engine.intake().save(intake);
  for (const auto& [name, nodes] : stateful_nodes(engine)) {
    Operator& pinned = operators_.emplace_back(Operator{nodes.front()->info, {}});
    for (const PlacedNode* placed : nodes) {
      pinned.parts.push_back(placed->node->state()->pin());
      if (pinned.info->placement == Placement::whole) break;
    }
  }
}

SavedState PinnedEngine::save() const {
  std::string content;
  Encoder out(content);
  out.varint(step_);
  content += intake_;
  out.varint(operators_.size());
  for (const Operator& pinned : operators_) {
    out.bytes(pinned.info->name);
    out.bytes(identity(*pinned.info));
    StateWriter items;
    for (const auto& part : pinned.parts) part->save(items);
    std::uint64_t slots = 0;
    items.for_each([&](unsigned, std::string_view) { ++slots; });
    out.varint(slots);
    items.for_each([&](unsigned slot, std::string_view bytes) {
      out.varint(slot);
      out.bytes(bytes);
    });
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
