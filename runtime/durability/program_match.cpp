#include "runtime/durability/program_match.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "runtime/flow/names.hpp"

namespace lockstep {

namespace {

/// Whether it was given no name.
bool is_unnamed(const SavedProgram::Operator& op) {
  const std::string_view what = op.identity.what;
  return is_derived(op.name, what.substr(0, what.find(',')));
}

}  // namespace

ProgramMatch::ProgramMatch(const Description& flow, const ProgramChanges& changes) : flow_(flow), changes_(changes) {
  for (const InputInfo& input : flow.inputs) known_.insert(input.name);
  for (const OperatorInfo& op : flow.operators) {
    known_.insert(op.name);
    for (const FusedPart& part : op.fused) known_.insert(part.name);
  }
  for (const OutputInfo& output : flow.outputs) known_.insert(output.name);
}

Lineage ProgramMatch::lineage() const {
  using Named = LineageNames::Named;
  const auto input_named = [this](const InputInfo& input) -> std::optional<Named> {
    const auto found = saved_inputs_.find(input.name);
    if (found == saved_inputs_.end()) return std::nullopt;
    return Named{Lineage::input_text(found->second)};
  };
  const auto operator_named = [this](const OperatorInfo& op) -> std::optional<Named> {
    const auto found = saved_operators_.find(op.id);
    if (found != saved_operators_.end()) return Named{Lineage::operator_text(found->second)};
    if (has_new_inputs_only(op)) return std::nullopt;
    return Named{Lineage::operator_text(op.name) + ", which is new", true};
  };
  return Lineage(flow_, {.input = input_named, .op = operator_named});
}

std::vector<std::optional<InputId>> ProgramMatch::match_inputs(const std::vector<std::string>& saved) {
  known_.insert(saved.begin(), saved.end());
  const std::vector<std::optional<std::string>> now = names_now(changes_, saved);
  std::vector<std::optional<InputId>> found(saved.size());
  for (std::size_t i = 0; i < saved.size(); ++i) {
    if (!now[i]) continue;
    const auto is_it = [&](const InputInfo& input) { return input.name == *now[i]; };
    const auto input = std::find_if(flow_.inputs.begin(), flow_.inputs.end(), is_it);
    if (input != flow_.inputs.end()) {
      found[i] = static_cast<InputId>(input - flow_.inputs.begin());
      saved_inputs_.emplace(*now[i], saved[i]);
    } else {
      note_missing("input", saved[i], *now[i]);
    }
  }
  return found;
}

void ProgramMatch::note_missing(const char* what, const std::string& was, const std::string& now) {
  if (changes_.removed.contains(was)) return;
  if (was == now) {
    problems_.push_back(
        fmt::format("the saved state has an {0} '{1}', this dataflow has not: if it has another name now, say "
                    "renamed = {{{{\"{1}\", \"...\"}}}}; if it was removed, say removed = {{\"{1}\"}}",
                    what, was));
  } else {
    problems_.push_back(fmt::format("{} '{}' is renamed to '{}', which this dataflow has not", what, was, now));
  }
}

std::vector<std::optional<OperatorId>> ProgramMatch::match_operators(const std::vector<SavedProgram::Operator>& saved) {
  std::vector<std::string> names;
  names.reserve(saved.size());
  for (const SavedProgram::Operator& op : saved) {
    names.push_back(op.name);
    for (const Lineage::Function& function : op.identity.functions) known_.insert(function.name);
  }
  known_.insert(names.begin(), names.end());
  const std::vector<std::optional<std::string>> now = names_now(changes_, names);

  std::vector<std::optional<OperatorId>> found;
  std::set<std::size_t> let_go;
  std::size_t before = 0;
  do {
    before = let_go.size();
    found = match_operators(saved, now, let_go);
  } while (let_go.size() != before);
  for (std::size_t i = 0; i < saved.size(); ++i) {
    if (now[i] && !found[i]) note_missing("operator", saved[i].name, *now[i]);
  }
  return found;
}

std::vector<std::optional<OperatorId>> ProgramMatch::match_operators(const std::vector<SavedProgram::Operator>& saved,
                                                                     const std::vector<std::optional<std::string>>& now,
                                                                     std::set<std::size_t>& let_go) {
  unnamed_.clear();
  saved_operators_.clear();
  std::map<std::string_view, const OperatorInfo*> there;
  for (const OperatorInfo& op : flow_.operators) {
    if (!op.state.empty()) there.emplace(op.name, &op);
  }
  std::vector<std::optional<OperatorId>> found(saved.size());
  std::map<OperatorId, std::size_t> by_name;
  std::vector<bool> is_left(saved.size());
  for (std::size_t i = 0; i < saved.size(); ++i) {
    if (!now[i]) continue;
    const auto is = there.find(*now[i]);
    if (is != there.end() && !let_go.contains(i)) {
      by_name.emplace(is->second->id, i);
    } else {
      is_left[i] = *now[i] == saved[i].name && !changes_.removed.contains(saved[i].name);
    }
  }
  for (const auto& [name, op] : there) {
    if (!by_name.contains(op->id) && is_derived(op->name, op->kind)) unnamed_.insert(op->id);
  }
  // Operators come after those that they read, which are found by then.
  for (const OperatorInfo& op : flow_.operators) {
    std::optional<std::size_t> i;
    if (const auto named = by_name.find(op.id); named != by_name.end()) i = named->second;
    if (i && is_only_called_so(op, saved[*i], saved, is_left)) let_go.insert(*i);
    if (unnamed_.contains(op.id)) i = alike(op, saved, is_left);
    if (!i) continue;
    found[*i] = op.id;
    is_left[*i] = false;
    saved_operators_.emplace(op.id, saved[*i].name);
  }
  return found;
}

/// Names that are derived change places with the inputs that they are made of.
bool ProgramMatch::is_only_called_so(const OperatorInfo& op, const SavedProgram::Operator& one,
                                     const std::vector<SavedProgram::Operator>& saved,
                                     const std::vector<bool>& is_left) const {
  if (!is_derived(op.name, op.kind) || !is_unnamed(one)) return false;
  if (lineage().reads(op) == one.identity.reads) return false;
  return has_new_inputs_only(op) || alike(op, saved, is_left);
}

std::optional<std::size_t> ProgramMatch::alike(const OperatorInfo& op, const std::vector<SavedProgram::Operator>& saved,
                                               const std::vector<bool>& is_left) const {
  Lineage with_found = lineage();
  const StateIdentity is = StateIdentity::of(op, with_found);
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < saved.size(); ++i) {
    const SavedProgram::Operator& one = saved[i];
    if (!is_left[i] || !is_unnamed(one) || !is_alike(one.identity, is)) continue;
    if (found) return std::nullopt;
    found = i;
    if (is.functions.empty()) return found;  // those that are alike have held the same
  }
  if (!found) return std::nullopt;
  const bool is_only_one = std::none_of(unnamed_.begin(), unnamed_.end(), [&](OperatorId other) {
    const OperatorInfo& one = flow_.operators[other];
    return other != op.id && is_alike(is, StateIdentity::of(one, with_found)) && !with_found.read_the_same(op, one);
  });
  return is_only_one ? found : std::nullopt;
}

bool ProgramMatch::is_alike(const StateIdentity& was, const StateIdentity& is) const {
  const auto has_name = [this](const Lineage::Function& one, const Lineage::Function& now) {
    if (is_derived(one.name, one.kind) && is_derived(now.name, now.kind)) return true;
    const auto renamed = changes_.renamed.find(one.name);
    return one.name == now.name || (renamed != changes_.renamed.end() && renamed->second == now.name);
  };
  return was == is && std::equal(was.functions.begin(), was.functions.end(), is.functions.begin(), has_name);
}

bool ProgramMatch::has_new_inputs_only(const OperatorInfo& op) const {
  return std::none_of(op.upstream.begin(), op.upstream.end(),
                      [&](InputId input) { return was_saved(flow_.inputs[input]); });
}

std::vector<std::string> ProgramMatch::unknown_names() const {
  std::set<std::string> named = changes_.removed;
  for (const auto* names :
       {&changes_.begin_empty, &changes_.rebuilt, &changes_.changed_reads, &changes_.changed_functions}) {
    named.insert(names->begin(), names->end());
  }
  for (const auto& [was, is] : changes_.renamed) named.insert({was, is});
  std::vector<std::string> unknown;
  std::set_difference(named.begin(), named.end(), known_.begin(), known_.end(), std::back_inserter(unknown));
  return unknown;
}

}  // namespace lockstep
