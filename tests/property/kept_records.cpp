#include "tests/property/kept_records.hpp"

#include "runtime/clock/clock.hpp"

namespace lockstep::property {

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

std::shared_future<std::uint64_t> KeptRecords::checkpoint(CheckpointCondition) {
  const PinnedEngine::ChangesOf changes_of = some_changes();
  const auto pinned = PinnedEngine::of(*clock_, "a checkpoint", &changes_of);
  if (insists_ || !random_.chance(25)) {
    insists_ = false;
    step_ = pinned->step();
    borders_ = pinned->borders();
    for (const PinnedEngine::Operator& op : pinned->operators()) {
      Operator& kept = operators_[op.name()];
      kept.identity = op.identity();
      std::erase_if(kept.slots, [&](const auto& slot) { return !op.has_only_changes(slot.first); });
      StateWriter items;
      op.save(items);
      items.for_each([&](unsigned slot, std::string_view bytes) { kept.slots[slot].emplace_back(bytes); });
    }
    clock_->while_no_step_runs([&] { pinned->keep(); });
  }
  std::promise<std::uint64_t> done;
  done.set_value(step_);
  return done.get_future().share();
}

}  // namespace lockstep::property
