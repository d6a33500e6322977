#include "runtime/durability/program_changes.hpp"

#include <fmt/format.h>

#include "runtime/durability/saved_state.hpp"

namespace lockstep {

std::vector<std::optional<std::string>> names_now(const ProgramChanges& changes,
                                                  const std::vector<std::string>& saved) {
  const std::set<std::string> there(saved.begin(), saved.end());
  const auto next = [&](const std::string& name) -> const std::string* {
    const auto renamed = changes.renamed.find(name);
    const bool is_other = renamed != changes.renamed.end() && renamed->second != name;
    return is_other && there.contains(name) ? &renamed->second : nullptr;
  };
  // The new name may have been taken already, in a start before this one.
  const auto in_force = [&](const std::string& name) -> const std::string* {
    const std::string* const now = next(name);
    const bool is_taken =
        now != nullptr && there.contains(*now) && next(*now) == nullptr && !changes.removed.contains(*now);
    return is_taken ? nullptr : now;
  };
  std::set<std::string> taken;
  for (const std::string& name : there) {
    const std::string* now = next(name);
    for (std::size_t i = 0; now != nullptr && *now != name && i < there.size(); ++i) now = next(*now);
    if (now != nullptr && *now == name) {
      throw SavedStateError(
          fmt::format("'{}' is renamed in a circle, which would turn again at the next start: give one of the circle "
                      "a new name, take a checkpoint, and rename that then",
                      name));
    }
    if (in_force(name) != nullptr) taken.insert(*in_force(name));
  }
  std::vector<std::optional<std::string>> names;
  for (const std::string& name : saved) {
    if (const std::string* const now = in_force(name)) {
      names.emplace_back(*now);
    } else if (taken.contains(name) && changes.removed.contains(name)) {
      names.emplace_back();
    } else {
      names.emplace_back(name);
    }
  }
  return names;
}

}  // namespace lockstep
