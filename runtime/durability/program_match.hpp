#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/durability/lineage.hpp"
#include "runtime/durability/program_changes.hpp"
#include "runtime/durability/state_identity.hpp"
#include "runtime/flow/description.hpp"

namespace lockstep {

/// A program as of the step after which its state was saved.
struct SavedProgram {
  struct Operator {
    std::string name;
    StateIdentity identity;
  };

  std::uint64_t step = 0;
  /// Encoded Borders.
  std::string_view borders;
  std::vector<Operator> operators;
  /// Of its executable; empty: not known.
  std::string build_id = {};
};

/// Finds for what was saved, inputs and operators with state, what it is in a dataflow now: by its name, by the name
/// that it was given in `renamed`, and an operator with a derived name, which changes with the names that it is made
/// of, by being and reading the same.
class ProgramMatch {
 public:
  /// REQUIRES: `flow` and `changes` outlive it.
  ProgramMatch(const Description& flow, const ProgramChanges& changes);

  /// First. For each, the input that it is; none: its positions are dropped, unless there are problems.
  std::vector<std::optional<InputId>> match_inputs(const std::vector<std::string>& saved);
  /// Then. For each, the operator that it is; none: its state is dropped, unless there are problems.
  std::vector<std::optional<OperatorId>> match_operators(const std::vector<SavedProgram::Operator>& saved);

  bool was_saved(const InputInfo& input) const { return saved_inputs_.contains(input.name); }
  /// Whether no input that it depends on was there.
  bool has_new_inputs_only(const OperatorInfo& op) const;
  /// In the names that were saved. Of operators, when those before them have been matched. New are operators that were
  /// not there, and are not only of inputs that were not either.
  Lineage lineage() const;
  /// What is not there any more, and has not been named as removed; names that mean nothing. Each names its option.
  const std::vector<std::string>& problems() const { return problems_; }
  /// Names in the changes that neither program knows, to go with other problems.
  std::vector<std::string> unknown_names() const;

 private:
  /// The same without those that are let go of: operators that were saved under a derived name which is that of others
  /// now. Adds to them what it finds.
  std::vector<std::optional<OperatorId>> match_operators(const std::vector<SavedProgram::Operator>& saved,
                                                         const std::vector<std::optional<std::string>>& now,
                                                         std::set<std::size_t>& let_go);
  bool is_only_called_so(const OperatorInfo& op, const SavedProgram::Operator& one,
                         const std::vector<SavedProgram::Operator>& saved, const std::vector<bool>& is_left) const;
  /// One that was saved under a derived name and is left, and is what this operator is but for its name. If there are
  /// functions, whose results may differ, the only one, and of no operator that reads others of them.
  std::optional<std::size_t> alike(const OperatorInfo& op, const std::vector<SavedProgram::Operator>& saved,
                                   const std::vector<bool>& is_left) const;
  /// Whether all that is told of them is the same, the names that functions were given included.
  bool is_alike(const StateIdentity& was, const StateIdentity& is) const;
  void note_missing(const char* what, const std::string& was, const std::string& now);

  const Description& flow_;
  const ProgramChanges& changes_;
  std::map<std::string, std::string> saved_inputs_;    // by the names that they have now
  std::map<OperatorId, std::string> saved_operators_;  // those that were found
  std::set<OperatorId> unnamed_;                       // those that were not found by their names
  std::set<std::string> known_;                        // all names, of then and now
  std::vector<std::string> problems_;
};

}  // namespace lockstep
