#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lockstep {

/// In what a dataflow differs from the one whose state it goes on from. What is named and was not there, or is as it
/// was, does not matter, so that the same program starts again when it has taken a checkpoint.
struct ProgramChanges {
  /// Operators and inputs that have another name now: old to new. (An output of another name is a new one.) Not in a
  /// circle. A new name that was saved, and is neither renamed nor removed, says that this was done already. Derived
  /// names, which change with the names that they are made of, need not be named.
  std::map<std::string, std::string> renamed = {};
  /// Operators and inputs that are not there any more: their state, and positions, are dropped.
  std::set<std::string> removed = {};
  /// Operators that begin with empty state, and outputs that begin with what comes, though inputs that they depend on
  /// have been stepped. (Those that depend on new inputs only need not be named.)
  std::set<std::string> begin_empty = {};
  /// Operators and outputs that are not what they were, or that read such: their state is dropped and made again, as if
  /// they were new. What nothing can make again is refused.
  std::set<std::string> rebuilt = {};
  /// Operators that read something else, and whose state is what they would have made of it all the same; outputs that
  /// are of something else, and go on with what comes. Beside: what has come and was not there is no such change.
  std::set<std::string> changed_reads = {};
  /// Structs of which fields have come, gone, or become wider: rows that are kept are read as they are now. A field
  /// that has come is as in a struct made of nothing. What functions make of rows read so has to be what they made
  /// before, read so.
  std::set<std::string> changed_rows = {};
  /// Operators whose functions have another version, and whose state is right all the same; outputs that go on with
  /// what such functions give.
  std::set<std::string> changed_functions = {};
  /// The executable is another one, and functions that had no version, which may have changed with it, do what they
  /// did.
  bool accept_changed_functions = false;
};

/// The names that those which were saved have now; none: it is dropped, and another has its name. Throws
/// SavedStateError if they are renamed in a circle.
std::vector<std::optional<std::string>> names_now(const ProgramChanges& changes, const std::vector<std::string>& saved);

}  // namespace lockstep
