#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/clock/engine.hpp"
#include "runtime/durability/borders.hpp"
#include "runtime/durability/plan_filling.hpp"
#include "runtime/durability/program_changes.hpp"
#include "runtime/durability/program_match.hpp"
#include "runtime/durability/saved_state.hpp"
#include "runtime/rows/row_conversion.hpp"

namespace lockstep {

/// Gives an engine that has not made a step the state that one like it had. Throws SavedStateError if it is not of the
/// same dataflow, but for the changes that are named.
class StateLoader {
 public:
  /// Decides what becomes of all that was saved, before any of it is loaded.
  StateLoader(Engine& engine, const SavedProgram& saved, const ProgramChanges& changes = {});

  class Operator {
   public:
    /// Items of a slot, at those workers whose state they are part of.
    void load(unsigned slot, std::string_view items) const;
    /// The slots whose items are part of the state at one worker.
    SlotRange slots_of(unsigned worker) const;
    /// Items of such a slot at that worker. Any thread, one for each worker.
    void load_at(unsigned worker, std::string_view items) const;

   private:
    friend class StateLoader;
    std::vector<PlacedNode*> nodes_;                   // by worker
    std::shared_ptr<const RowConversion> conversion_;  // null: items are as they were
  };
  /// Of the i-th that was saved; null: its state is dropped.
  const Operator* operator_at(std::size_t i) const { return operators_[i] ? &*operators_[i] : nullptr; }
  /// Those that are there under a name that was saved, and whose records are nothing to build upon.
  const std::set<std::string>& written_anew() const { return written_anew_; }

  /// Last: operators and outputs that got nothing begin empty, if they may, or else are made complete by the first
  /// step; throws if they cannot be. `is_kept`: what is pinned next may be only what has changed since.
  void finish(bool is_kept);

 private:
  using NodesByName = std::map<std::string, std::vector<PlacedNode*>, std::less<>>;
  /// An operator that is there, as it was saved.
  struct Saved {
    const SavedProgram::Operator* saved;
    std::size_t place;
    StateIdentity now;  // in the names that were saved
    bool reads_new;
  };
  using Functions = std::vector<Lineage::Function>;
  /// How an error speaks of it.
  struct Whose {
    const char* what;
    const std::string& name;
    const char* goes_on;
    const char* made_again;
  };

  void load_borders(const SavedProgram& saved);
  void match(const SavedProgram& saved);
  void mark_rebuilt();
  /// What makes again what this operator reads; null: nothing.
  const std::string* made_again_below(const OperatorInfo& op) const;
  void take_over(Saved& one);
  void check_outputs();
  void check_output(const OutputInfo& output, Lineage& lineage);
  /// Whether functions are what they were. REQUIRES: what is read is what was read.
  void check_functions(const Whose& whose, const Functions& was, const Functions& is);
  /// The names of those that may be others, since the executable is, and they have no version.
  std::vector<std::string> untold(const Functions& functions) const;
  /// Whether rows of one type can be read as those of another; notes what has changed. Throws SchemaChange.
  std::shared_ptr<const RowConversion> conversion(const Schema& was, const Schema& is, const std::string& whose);
  void throw_problems() const;
  void note_written_anew(const SavedProgram& saved);

  bool begins_empty(const std::string& name, const OperatorInfo& made_by) const;
  WhatIsNew what_is_new() const;

  Engine& engine_;
  const ProgramChanges changes_;
  const bool is_another_executable_;
  ProgramMatch match_;
  NodesByName missing_;
  std::map<OperatorId, Saved> found_;
  std::vector<std::optional<Operator>> operators_;
  std::set<std::string> written_anew_;
  std::map<std::string, Borders::Output> found_outputs_;  // that go on
  std::set<OperatorId> made_anew_;                        // that give what is not what it was
  std::map<OperatorId, std::string> made_again_;          // likewise, and gave something: by this operator
  std::vector<std::string> problems_;
  std::map<std::string, std::vector<std::string>> changed_rows_;  // types, and what keeps or gives such rows
  std::set<std::string> changed_functions_;                       // perhaps
};

/// The nodes with state, by worker, by the names of their operators.
std::map<std::string, std::vector<PlacedNode*>, std::less<>> stateful_nodes(Engine& engine);

/// REQUIRES: the engine has not made a step.
void load_state(Engine& engine, const SavedState& saved, const ProgramChanges& changes);

}  // namespace lockstep
