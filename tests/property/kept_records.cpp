#include "tests/property/kept_records.hpp"

#include "runtime/clock/clock.hpp"

namespace lockstep::property {

namespace {

const CaptureWindow kOneSegment{std::chrono::steady_clock::time_point::min()};

}  // namespace

void KeptRecords::attach(Clock& clock) {
  clock_ = &clock;
  if (step_ == 0) return;
  SavedProgram saved{.step = step_, .borders = borders_, .operators = {}};
  for (const auto& [name, op] : operators_) saved.operators.push_back({name, op.identity});
  StateLoader loader(clock.engine(), saved);
  std::size_t i = 0;
  for (const auto& [name, op] : operators_) {
    for (const auto& [slot, records] : op.slots) {
      for (const std::string& items : records) loader.operator_at(i)->load(slot, items);
    }
    ++i;
  }
  loader.finish(true);
}

PinnedEngine::ChangesOf KeptRecords::some_changes() {
  PinnedEngine::ChangesOf changes;
  for (const auto& [name, op] : operators_) {
    SlotSet& slots = changes[name];
    slots.set();
    for (const auto& [slot, records] : op.slots) {
      if (random_.chance(20)) slots.reset(slot);
    }
  }
  return changes;
}

void KeptRecords::begin() {
  const PinnedEngine::ChangesOf changes_of = some_changes();
  clock_->between_steps("a checkpoint", [&](Engine& engine) {
    under_way_ = std::make_unique<PinnedEngine>(engine, &changes_of);
    return true;
  });
}

void KeptRecords::capture_all() {
  clock_->between_steps("a checkpoint", [&](Engine&) {
    while (!under_way_->capture(kOneSegment)) {
    }
    return true;
  });
}

void KeptRecords::keep() {
  step_ = under_way_->step();
  borders_ = under_way_->borders();
  for (const PinnedEngine::Operator& op : under_way_->operators()) {
    Operator& kept = operators_[op.name()];
    kept.identity = op.identity();
    std::erase_if(kept.slots, [&](const auto& slot) { return !op.has_only_changes(slot.first); });
    StateWriter items;
    op.save(items);
    items.for_each([&](unsigned slot, std::string_view bytes) { kept.slots[slot].emplace_back(bytes); });
  }
  clock_->while_no_step_runs([&] { under_way_->keep(); });
  drop();
}

void KeptRecords::drop() {
  clock_->while_no_step_runs([&] { under_way_.reset(); });
}

void KeptRecords::go_on() {
  if (under_way_ == nullptr) return;
  if (random_.chance(10)) return drop();
  const bool done = clock_->between_steps("a checkpoint", [&](Engine&) {
    bool all = false;
    for (int segments = random_.below(20); !all && segments != 0; --segments) {
      all = under_way_->capture(kOneSegment);
    }
    return all;
  });
  if (done) keep();
}

std::shared_future<std::uint64_t> KeptRecords::checkpoint(CheckpointCondition) {
  if (under_way_ == nullptr) {
    begin();
    go_on();
  }
  if (insists_) {
    insists_ = false;
    if (under_way_ != nullptr) drop();
    begin();
    capture_all();
    keep();
  }
  std::promise<std::uint64_t> done;
  done.set_value(step_);
  return done.get_future().share();
}

void KeptRecords::detach() noexcept {
  under_way_.reset();
  clock_ = nullptr;
}

}  // namespace lockstep::property
