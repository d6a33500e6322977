#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/clock/clock.hpp"
#include "runtime/durability/plan_filling.hpp"
#include "runtime/durability/program_changes.hpp"
#include "runtime/durability/saved_state.hpp"

namespace lockstep {

/// All state of an engine as of its last step. When all of it is captured, any thread may write it, while steps go on,
/// and after the engine.
class PinnedEngine {
 public:
  /// The state of one operator at all workers.
  class Operator {
   public:
    const std::string& name() const { return info_->name; }
    /// What must be the same of an operator that this state is given to.
    std::string identity() const;
    /// And the versions of its functions.
    std::string versions() const;
    /// About.
    std::size_t bytes() const { return bytes_; }
    /// About how many rows, groups or keys, if that is known before they are written.
    std::optional<std::size_t> entries() const;
    /// Whether of this slot only what has changed is written: items replace what was said of their keys.
    bool has_only_changes(unsigned slot) const { return changes_[slot]; }
    void save(StateWriter& out) const;

   private:
    friend class PinnedEngine;
    const OperatorInfo* info_ = nullptr;
    std::size_t bytes_ = 0;
    SlotSet changes_;
    std::vector<std::unique_ptr<PinnedState>> parts_;  // by worker, or one that is the same at all
  };

  /// The slots, by operators' names, of which it suffices to have what has changed since the last that was kept.
  using ChangesOf = std::map<std::string_view, SlotSet>;

  /// Of a clock's engine, as of its last step, all of it captured: a little between every two steps that are made
  /// meanwhile. `call`: what a user called, for errors. `changes_of`: null if it will not be kept. Throws StepFailed if
  /// the engine fails.
  static std::unique_ptr<PinnedEngine> of(Clock& clock, const char* call, const ChangesOf* changes_of);

  /// REQUIRES: no step runs. Throws StepFailed if the engine has failed.
  PinnedEngine(Engine& engine, const ChangesOf* changes_of);
  /// When no step runs: goes on until the window is over, on so many threads. Returns whether all is captured.
  bool capture(const CaptureWindow& window, unsigned threads = 1);
  /// When no step runs: what is pinned next may be only what has changed since this was. REQUIRES: the engine is there.
  void keep();

  std::uint64_t step() const { return step_; }
  /// Sealed into all steps of this engine until then.
  std::uint64_t rows() const { return rows_; }
  /// Sessions and their positions, outputs.
  const std::string& borders() const { return borders_; }
  const std::vector<Operator>& operators() const { return operators_; }

  SavedState save() const;

 private:
  std::shared_ptr<const Description> flow_;
  std::uint64_t step_;
  std::uint64_t rows_;
  std::string borders_;
  struct Open {
    Capture* capture;
    Capture::Range* range;
    bool done = false;
  };
  template <class Function>
  void for_each_capture(Function&& function) const;

  std::vector<Operator> operators_;
  std::vector<Open> open_;  // what has to be captured yet
};

/// Gives an engine that has not made a step the state that one like it had. Throws SavedStateError if it is not of the
/// same dataflow, but for the changes that are named: an operator with state must have the same name, kind, rows, form
/// of its state, and versions of its functions.
class StateLoader {
 public:
  explicit StateLoader(Engine& engine, const ProgramChanges& changes = {});

  /// First of all: the step after which the state was taken, and PinnedEngine::borders().
  void begin(std::uint64_t step, Decoder& borders);
  /// Names an operator whose items come next. Each once.
  class Operator {
   public:
    /// Items of a slot, at those workers whose state they are part of.
    void load(unsigned slot, Decoder items) const;
    /// The slots whose items are part of the state at one worker.
    SlotRange slots_of(unsigned worker) const;
    /// Items of such a slot at that worker. Any thread, one for each worker.
    void load_at(unsigned worker, Decoder& items) const { nodes_[worker]->node->state()->load(items); }

   private:
    friend class StateLoader;
    std::vector<PlacedNode*> nodes_;  // by worker
  };
  /// Null if it was removed.
  std::optional<Operator> find(const std::string& name, std::string_view identity, std::string_view versions);
  /// Last: operators and outputs that got nothing begin empty, if they may, or else are made complete by the first
  /// step; throws if they cannot be. `is_kept`: what is pinned next may be only what has changed since.
  void finish(bool is_kept);

 private:
  std::string name_now(const std::string& saved) const;
  bool begins_empty(const std::string& name, const OperatorInfo& made_by) const;
  WhatIsNew what_is_new() const;

  Engine& engine_;
  ProgramChanges changes_;
  std::map<std::string, std::vector<PlacedNode*>, std::less<>> missing_;
  std::set<std::string> found_inputs_;  // that were saved, by the names that they have now
  std::set<std::string> found_outputs_;
};

/// REQUIRES: the engine has not made a step.
void load_state(Engine& engine, const SavedState& saved);

}  // namespace lockstep
