#include "runtime/durability/save.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "runtime/durability/borders.hpp"
#include "runtime/durability/state_loader.hpp"
#include "runtime/state/segment_memory.hpp"
#include "runtime/threads/parallel.hpp"
#include "runtime/threads/processors.hpp"

namespace lockstep {

namespace {

// While steps are made one after another, this long between two of them, and then not for as long as this.
constexpr auto kCaptured = std::chrono::microseconds(100);
constexpr auto kSteps = std::chrono::microseconds(400);
/// After so long without a step, on all processors. Not before: whoever steps waits for all of these threads, and they
/// for a processor perhaps.
constexpr auto kAlone = std::chrono::milliseconds(2);
/// For what steps are about to change meanwhile.
constexpr std::size_t kReady = std::size_t{16} << 20;

bool tell_changes(const std::vector<PlacedNode*>& nodes) {
  return std::all_of(nodes.begin(), nodes.end(), [](const PlacedNode* placed) {
    const Segments* table = placed->node->state()->table();
    return table != nullptr && table->tells_changes();
  });
}

}  // namespace

StateIdentity PinnedEngine::Operator::identity() const {
  Lineage lineage = of_->lineage();
  return StateIdentity::of(*info_, lineage);
}

Lineage PinnedEngine::lineage() const {
  using Named = LineageNames::Named;
  const auto input_named = [this](const InputInfo& input) -> std::optional<Named> {
    if (is_new(flow_->operators[input.reader])) return std::nullopt;
    return Named{Lineage::input_text(input.name)};
  };
  const auto operator_named = [this](const OperatorInfo& op) -> std::optional<Named> {
    if (is_new(op)) return std::nullopt;
    return Named{Lineage::operator_text(op.name)};
  };
  return Lineage(*flow_, {.input = input_named, .op = operator_named});
}

bool PinnedEngine::is_new(const OperatorInfo& op) const {
  return !new_inputs_.empty() && std::all_of(op.upstream.begin(), op.upstream.end(),
                                             [this](InputId input) { return new_inputs_.contains(input); });
}

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
    : flow_(engine.shared_flow()), step_(engine.state().completed()), sealed_(engine.sealed()) {
  engine.state().failure.rethrow_if_failed();
  const Filling* const filling = engine.filling();
  positions_ = engine.intake().positions();
  if (filling != nullptr) new_inputs_ = filling->inputs;
  for (OutputId id = 0; id < flow_->outputs.size(); ++id) {
    const OperatorInfo& made_by = flow_->operators[flow_->edges[flow_->outputs[id].edge].producer];
    if (!is_new(made_by) && (filling == nullptr || !filling->outputs[id])) complete_.push_back(id);
  }
  positions_.leave_out(new_inputs_);
  for (const auto& [name, nodes] : stateful_nodes(engine)) {
    const OperatorInfo& info = *nodes.front()->info;
    if (is_new(info) || (filling != nullptr && filling->completes(info.id))) continue;  // it is not complete
    Operator& pinned = operators_.emplace_back();
    pinned.info_ = &info;
    pinned.of_ = this;
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

std::string PinnedEngine::borders() const {
  Borders borders{.positions = positions_, .outputs = {}};
  Lineage lineage = this->lineage();
  for (const OutputId id : complete_) {
    const OutputInfo& output = flow_->outputs[id];
    borders.outputs.push_back(
        {output.name, flow_->edges[output.edge].schema, lineage.of(output.edge), lineage.functions(output.edge)});
  }
  return borders.encode();
}

SavedState PinnedEngine::save() const {
  std::string content;
  Encoder out(content);
  out.varint(step_);
  out.bytes(borders());
  out.varint(operators_.size());
  for (const Operator& pinned : operators_) {
    out.bytes(pinned.name());
    pinned.identity().encode(out);
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

}  // namespace lockstep
