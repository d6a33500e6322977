#pragma once

#include <map>
#include <set>
#include <string>

namespace lockstep {

/// In what a dataflow differs from the one whose state it goes on from. What is named and was not there, or is as it
/// was, does not matter, so that the same program starts again when it has taken a checkpoint.
struct ProgramChanges {
  /// Operators and inputs that have another name now: old to new. (An output of another name is a new one.)
  std::map<std::string, std::string> renamed = {};
  /// Operators and inputs that are not there any more: their state, and positions, are dropped.
  std::set<std::string> removed = {};
  /// Operators that begin with empty state, and outputs that begin with what comes, though inputs that they depend on
  /// have been stepped. (Those that depend on new inputs only need not be named.)
  std::set<std::string> begin_empty = {};
  /// Operators whose functions have another version, and whose state is right all the same.
  std::set<std::string> changed_functions = {};
};

}  // namespace lockstep
