#include "runtime/durability/save.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "runtime/state/segment_memory.hpp"
#include "runtime/threads/parallel.hpp"
#include "runtime/threads/processors.hpp"

namespace lockstep {

namespace {

// While steps are made one after another, this long between two of them, and then not for as long as this.
constexpr auto kCaptured = std::chrono::microseconds(100);
constexpr auto kSteps = std::chrono::microseconds(200);
/// After so long without a step, on all processors. Not before: whoever steps waits for all of these threads, and they
/// for a processor perhaps.
constexpr auto kAlone = std::chrono::milliseconds(2);
/// For what steps are about to change meanwhile.
constexpr std::size_t kReady = std::size_t{16} << 20;

std::string identity_of(const OperatorInfo& info) {
  std::string text = info.kind + ", " + info.state;
  if (info.schema) text += ", giving " + info.schema->to_string();
  return text;
}

std::string versions_of(const OperatorInfo& info) {
  std::string text;
  const auto add_version = [&text](const auto& part) {
    if (part.version.empty()) return;
    if (!text.empty()) text += ", ";
    text += "version " + part.version + " of " + part.name;
  };
  for (const FusedPart& part : info.fused) add_version(part);
  add_version(info);
  return text;
}

/// The nodes with state, by worker, by the names of their operators.
std::map<std::string, std::vector<PlacedNode*>, std::less<>> stateful_nodes(Engine& engine) {
  std::map<std::string, std::vector<PlacedNode*>, std::less<>> found;
  for (const auto& worker : engine.workers()) {
    for (PlacedNode& placed : worker->nodes()) {
      if (placed.node->state() != nullptr) found[placed.info->name].push_back(&placed);
    }
  }
  return found;
}

bool tell_changes(const std::vector<PlacedNode*>& nodes) {
  return std::all_of(nodes.begin(), nodes.end(), [](const PlacedNode* placed) {
    const Segments* table = placed->node->state()->table();
    return table != nullptr && table->tells_changes();
  });
}

}  // namespace

std::string PinnedEngine::Operator::identity() const { return identity_of(*info_); }
std::string PinnedEngine::Operator::versions() const { return versions_of(*info_); }

void PinnedEngine::Operator::save(StateWriter& out) const {
  for (const auto& part : parts_) part->save(out);
}

std::optional<std::size_t> PinnedEngine::Operator::entries() const {
  std::size_t sum = 0;
  for (const auto& part : parts_) {
    const Capture* const capture = part->as_capture();
    if (capture == nullptr) return std::nullopt;
    sum += capture->entries();
  }
  return sum;
}

std::unique_ptr<PinnedEngine> PinnedEngine::of(Clock& clock, const char* call, const ChangesOf* changes_of) {
  const auto alone = clock.capturing(call);
  segment_memory::make_ready(kReady);
  std::unique_ptr<PinnedEngine> pinned =
      clock.between_steps(call, [&](Engine& engine) { return std::make_unique<PinnedEngine>(engine, changes_of); });
  try {
    auto stepped = std::chrono::steady_clock::now();
    for (std::uint64_t before = pinned->step();;) {
      std::uint64_t step = before;
      const bool done = clock.between_steps(call, [&](Engine& engine) {
        step = engine.state().completed();
        const auto now = std::chrono::steady_clock::now();
        const bool is_alone = step == before && now - stepped >= kAlone;
        return pinned->capture({now + kCaptured, is_alone ? &clock.step_mutex() : nullptr},
                               is_alone ? allowed_processors() : 1);
      });
      if (done) return pinned;
      if (step != before) {
        segment_memory::make_ready(kReady);
        std::this_thread::sleep_for(kSteps);
        stepped = std::chrono::steady_clock::now();
      }
      before = step;
    }
  } catch (...) {
    clock.while_no_step_runs([&] { pinned.reset(); });
    throw;
  }
}

bool PinnedEngine::capture(const CaptureWindow& window, unsigned threads) {
  in_parallel(threads, open_.size(), [&](std::size_t i) {
    if (i == 0 || !window.is_over()) open_[i].done = open_[i].capture->advance(*open_[i].range, window);
  });
  std::erase_if(open_, [](const Open& one) { return one.done; });
  if (!open_.empty()) return false;
  for_each_capture([](Capture& capture) { capture.done(); });
  return true;
}

void PinnedEngine::keep() {
  for_each_capture([](Capture& capture) { capture.keep(); });
}

template <class Function>
void PinnedEngine::for_each_capture(Function&& function) const {
  for (const Operator& op : operators_) {
    for (const auto& part : op.parts_) {
      if (Capture* capture = part->as_capture()) function(*capture);
    }
  }
}

PinnedEngine::PinnedEngine(Engine& engine, const ChangesOf* changes_of)
    : flow_(engine.shared_flow()), step_(engine.state().completed()), rows_(engine.rows()) {
  engine.state().failure.rethrow_if_failed();
  const Filling* const filling = engine.filling();
  Encoder borders(borders_);
  engine.intake().save(borders);
  const Outputs& outputs = flow_->outputs;
  std::vector<std::string_view> names;
  for (OutputId id = 0; id < outputs.size(); ++id) {
    if (filling == nullptr || !filling->outputs[id]) names.push_back(outputs[id].name);
  }
  borders.varint(names.size());
  for (const std::string_view name : names) borders.bytes(name);
  for (const auto& [name, nodes] : stateful_nodes(engine)) {
    if (filling != nullptr && filling->second[nodes.front()->info->id]) continue;  // it is not complete
    Operator& pinned = operators_.emplace_back();
    pinned.info_ = nodes.front()->info;
    if (changes_of != nullptr) {
      const auto wanted = changes_of->find(name);
      if (wanted != changes_of->end() && tell_changes(nodes)) pinned.changes_ = wanted->second;
    }
    for (const PlacedNode* placed : nodes) {
      pinned.parts_.push_back(placed->node->state()->pin(changes_of == nullptr ? nullptr : &pinned.changes_));
      pinned.bytes_ += placed->node->counters.state_bytes.load(std::memory_order_relaxed);
      if (pinned.info_->placement == Placement::whole) break;
    }
  }
  for_each_capture([this](Capture& capture) {
    for (Capture::Range& range : capture.ranges()) open_.push_back({&capture, &range});
  });
}

SavedState PinnedEngine::save() const {
  std::string content;
  Encoder out(content);
  out.varint(step_);
  content += borders_;
  out.varint(operators_.size());
  for (const Operator& pinned : operators_) {
    out.bytes(pinned.name());
    out.bytes(pinned.identity());
    out.bytes(pinned.versions());
    StateWriter items;
    pinned.save(items);
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

StateLoader::StateLoader(Engine& engine, const ProgramChanges& changes)
    : engine_(engine), changes_(changes), missing_(stateful_nodes(engine)) {}

void StateLoader::begin(std::uint64_t step, Decoder& borders) {
  engine_.resume_after(step);
  found_inputs_ = engine_.intake().load(borders, changes_.renamed);
  for (const std::string& name : found_inputs_) {
    const auto is_it = [&name](const InputInfo& input) { return input.name == name; };
    const auto& inputs = engine_.flow().inputs;
    if (std::none_of(inputs.begin(), inputs.end(), is_it) && !changes_.removed.contains(name)) {
      throw SavedStateError(fmt::format("the saved state has an input '{}', this dataflow has not", name));
    }
  }
  for (std::uint64_t outputs = borders.varint(); outputs != 0; --outputs) {
    found_outputs_.emplace(borders.bytes());
  }
}

std::string StateLoader::name_now(const std::string& saved) const {
  const auto renamed = changes_.renamed.find(saved);
  return renamed == changes_.renamed.end() ? saved : renamed->second;
}

std::optional<StateLoader::Operator> StateLoader::find(const std::string& saved, std::string_view identity,
                                                       std::string_view versions) {
  if (changes_.removed.contains(saved)) return std::nullopt;
  const std::string name = name_now(saved);
  const auto found = missing_.find(name);
  if (found == missing_.end()) {
    throw SavedStateError(
        fmt::format("the saved state has an operator '{}', this dataflow has not: was it renamed, or removed?", name));
  }
  Operator result;
  result.nodes_ = std::move(found->second);
  missing_.erase(found);
  const OperatorInfo& info = *result.nodes_.front()->info;
  if (const std::string now = identity_of(info); now != identity) {
    throw SavedStateError(fmt::format("operator '{}' was saved as: {}; and now is: {}", name, identity, now));
  }
  if (const std::string now = versions_of(info); now != versions && !changes_.changed_functions.contains(name)) {
    const auto text = [](std::string_view these) { return these.empty() ? std::string_view("no version") : these; };
    throw SavedStateError(
        fmt::format("operator '{}' was saved with {}; and now has {}: is its state right all the same?", name,
                    text(versions), text(now)));
  }
  return result;
}

SlotRange StateLoader::Operator::slots_of(unsigned worker) const {
  const Placement placement = nodes_.front()->info->placement;
  if (placement == Placement::whole || (placement == Placement::first && worker == 0)) return {};
  if (placement == Placement::first) return {0, 0};
  const auto workers = static_cast<unsigned>(nodes_.size());
  return {first_slot_of(worker, workers), first_slot_of(worker + 1, workers)};
}

void StateLoader::Operator::load(unsigned slot, Decoder items) const {
  const OperatorInfo& info = *nodes_.front()->info;
  if (slot >= kSlots) throw DecodeError(fmt::format("operator '{}' has items in slot {}", info.name, slot));
  const auto workers = static_cast<unsigned>(nodes_.size());
  const bool is_whole = info.placement == Placement::whole;
  const unsigned owner = info.placement == Placement::by_slot ? worker_of_slot(slot, workers) : 0;
  for (unsigned worker = owner; worker < (is_whole ? workers : owner + 1); ++worker) {
    Decoder copy = items;
    load_at(worker, copy);
  }
}

bool StateLoader::begins_empty(const std::string& name, const OperatorInfo& made_by) const {
  if (changes_.begin_empty.contains(name)) return true;
  return std::none_of(made_by.upstream.begin(), made_by.upstream.end(),
                      [&](InputId input) { return found_inputs_.contains(engine_.flow().inputs[input].name); });
}

WhatIsNew StateLoader::what_is_new() const {
  const Description& flow = engine_.flow();
  WhatIsNew added;
  for (const auto& [name, nodes] : missing_) {
    const OperatorInfo& info = *nodes.front()->info;
    (begins_empty(name, info) ? added.empty_operators : added.operators).insert(info.id);
  }
  for (OutputId id = 0; id < flow.outputs.size(); ++id) {
    const OutputInfo& output = flow.outputs[id];
    if (found_outputs_.contains(output.name)) continue;
    const OperatorInfo& made_by = flow.operators[flow.edges[output.edge].producer];
    (begins_empty(output.name, made_by) ? added.empty_outputs : added.outputs).insert(id);
  }
  for (InputId id = 0; id < flow.inputs.size(); ++id) {
    if (!found_inputs_.contains(flow.inputs[id].name)) {
      added.inputs.insert(id);
    } else {
      added.outputs.erase(flow.inputs[id].ledger);  // its input may have another name now, and so has the ledger
    }
  }
  return added;
}

void StateLoader::finish(bool is_kept) {
  if (std::optional<Filling> filling = plan_filling(engine_.flow(), what_is_new())) engine_.fill(std::move(*filling));
  for (const auto& worker : engine_.workers()) {
    if (is_kept) {
      for (PlacedNode& placed : worker->nodes()) {
        Segments* table = placed.node->state() == nullptr ? nullptr : placed.node->state()->table();
        if (table != nullptr) table->tell_changes();
      }
    }
    worker->resume();
  }
  engine_.count_state();
}

void load_state(Engine& engine, const SavedState& saved) {
  try {
    Decoder in(saved.unseal());
    StateLoader loader(engine);
    const std::uint64_t step = in.varint();
    loader.begin(step, in);
    for (std::uint64_t operators = in.varint(); operators != 0; --operators) {
      const std::string_view name = in.bytes();
      const std::string_view identity = in.bytes();
      const StateLoader::Operator op = *loader.find(std::string(name), identity, in.bytes());
      for (std::uint64_t slots = in.varint(); slots != 0; --slots) {
        const std::uint64_t slot = in.varint();
        op.load(static_cast<unsigned>(std::min<std::uint64_t>(slot, kSlots)), Decoder(in.bytes()));
      }
    }
    if (!in.at_end()) throw SavedStateError("the saved state is damaged: there are bytes after its end");
    loader.finish(false);
  } catch (const DecodeError& error) {
    throw SavedStateError(fmt::format("the saved state does not fit this dataflow: {}", error.what()));
  }
}

}  // namespace lockstep
