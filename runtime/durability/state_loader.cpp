#include "runtime/durability/state_loader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "runtime/durability/manifest.hpp"

namespace lockstep {

std::map<std::string, std::vector<PlacedNode*>, std::less<>> stateful_nodes(Engine& engine) {
  std::map<std::string, std::vector<PlacedNode*>, std::less<>> found;
  for (const auto& worker : engine.workers()) {
    for (PlacedNode& placed : worker->nodes()) {
      if (placed.node->state() != nullptr) found[placed.info->name].push_back(&placed);
    }
  }
  return found;
}

namespace {

bool is_another(const std::string& executable) {
  const std::string own = build_id();
  return !executable.empty() && !own.empty() && executable != own;
}

}  // namespace

StateLoader::StateLoader(Engine& engine, const SavedProgram& saved, const ProgramChanges& changes)
    : engine_(engine),
      changes_(changes),
      is_another_executable_(is_another(saved.build_id)),
      match_(engine.flow(), changes_),
      missing_(stateful_nodes(engine)),
      operators_(saved.operators.size()) {
  load_borders(saved);
  engine_.resume_after(saved.step);
  match(saved);
  mark_rebuilt();
  for (auto& [id, one] : found_) take_over(one);
  check_outputs();
  throw_problems();
  note_written_anew(saved);
}

/// All but those whose records are theirs under this name, and as they would be written now.
void StateLoader::note_written_anew(const SavedProgram& saved) {
  for (std::size_t i = 0; i < saved.operators.size(); ++i) {
    const std::string& name = saved.operators[i].name;
    const std::optional<Operator>& op = operators_[i];
    if (!op || op->nodes_.front()->info->name != name || op->conversion_ != nullptr) written_anew_.insert(name);
  }
}

void StateLoader::load_borders(const SavedProgram& saved) {
  Borders borders = Borders::decode(saved.borders);
  engine_.intake().load(borders.positions, match_.match_inputs(borders.positions.names()));
  for (Borders::Output& output : borders.outputs) {
    std::string name = output.name;
    found_outputs_.emplace(std::move(name), std::move(output));
  }
}

void StateLoader::match(const SavedProgram& saved) {
  const std::vector<std::optional<OperatorId>> found = match_.match_operators(saved.operators);
  Lineage lineage = match_.lineage();
  for (std::size_t i = 0; i < saved.operators.size(); ++i) {
    if (!found[i]) continue;
    const OperatorInfo& info = engine_.flow().operators[*found[i]];
    auto nodes = missing_.extract(info.name);
    operators_[i].emplace().nodes_ = std::move(nodes.mapped());
    found_.emplace(info.id, Saved{&saved.operators[i], i, StateIdentity::of(info, lineage), lineage.reads_new(info)});
  }
}

const std::string* StateLoader::made_again_below(const OperatorInfo& op) const {
  for (const EdgeId in : op.inputs) {
    const auto found = made_again_.find(engine_.flow().edges[in].producer);
    if (found != made_again_.end()) return &found->second;
  }
  return nullptr;
}

/// What is named so and differs, or reads what is made anew, becomes new again. So has to be what reads that.
void StateLoader::mark_rebuilt() {
  const Description& flow = engine_.flow();
  for (const OperatorInfo& op : flow.operators) {
    const bool reads_new = std::any_of(op.inputs.begin(), op.inputs.end(),
                                       [&](EdgeId in) { return made_anew_.contains(flow.edges[in].producer); });
    const std::string* const made_again = made_again_below(op);
    const auto found = found_.find(op.id);
    if (op.state.empty()) {
      if (reads_new) made_anew_.insert(op.id);
      if (made_again != nullptr) made_again_.emplace(op.id, *made_again);
      continue;
    }
    if (found == found_.end()) {
      made_anew_.insert(op.id);
      continue;
    }
    const Saved& one = found->second;
    const bool differs = !(one.saved->identity == one.now) || !untold(one.now.functions).empty();
    if (changes_.rebuilt.contains(op.name) && (differs || reads_new)) {
      missing_.emplace(op.name, std::move(operators_[one.place]->nodes_));
      operators_[one.place].reset();
      found_.erase(found);
      made_anew_.insert(op.id);
    } else if (made_again != nullptr) {
      problems_.push_back(
          fmt::format("operator '{0}' reads operator '{1}', which is made again: so has to be its state: say rebuilt = "
                      "{{\"{0}\"}}",
                      op.name, *made_again));
    } else {
      continue;
    }
    // An index has what it had, unless it reads something else.
    if (op.gives_what_it_reads && made_again == nullptr) continue;
    made_again_.emplace(op.id, op.name);
  }
}

void StateLoader::take_over(Saved& one) {
  Operator& op = *operators_[one.place];
  const std::string& name = op.nodes_.front()->info->name;
  const StateIdentity& was = one.saved->identity;
  const StateIdentity& is = one.now;
  const auto differ = [&](const std::string& why) {
    problems_.push_back(
        fmt::format("operator '{}' was saved as: {}; and now is: {}{}: if its state is to be made "
                    "again, say rebuilt = {{\"{}\"}}",
                    name, was.to_string(), is.to_string(), why.empty() ? why : ": " + why, name));
  };
  if (was.what != is.what || was.form.has_value() != is.form.has_value()) return differ("");
  if (!(was.form == is.form)) {
    try {
      op.conversion_ = conversion(*was.form, *is.form, fmt::format("operator '{}'", name));
    } catch (const SchemaChange& change) {
      return differ(change.what());
    }
  }
  if (was.reads != is.reads) {
    if (changes_.changed_reads.contains(name)) return;
    problems_.push_back(fmt::format("operator '{}' read {}; and now reads {}: {}", name, was.reads, is.reads,
                                    one.reads_new
                                        ? fmt::format("its state lacks what that begins with: if it is to be made "
                                                      "again, say rebuilt = {{\"{}\"}}; if it is another one now, give "
                                                      "it another name",
                                                      name)
                                        : fmt::format("if its state is right all the same, say changed_reads = "
                                                      "{{\"{0}\"}}; if it is to be made again, rebuilt = {{\"{0}\"}}",
                                                      name)));
    return;
  }
  check_functions({"operator", name, "its state is right all the same", "it is to be made again"}, was.functions,
                  is.functions);
}

std::vector<std::string> StateLoader::untold(const Functions& functions) const {
  std::vector<std::string> names;
  for (const Lineage::Function& function : functions) {
    const bool is_told = function.name.empty() || !function.version.empty();
    if (is_another_executable_ && !is_told) names.push_back(function.name);
  }
  return names;
}

void StateLoader::check_functions(const Whose& whose, const Functions& was, const Functions& is) {
  if (changes_.changed_functions.contains(whose.name)) return;
  for (std::string& name : untold(is)) changed_functions_.insert(std::move(name));
  const bool is_same = std::equal(was.begin(), was.end(), is.begin(), is.end(),
                                  [](const auto& a, const auto& b) { return a.kind == b.kind && a.times == b.times; });
  std::string versions;
  for (std::size_t i = 0; is_same && i < is.size(); ++i) {
    const std::string& before = was[i].version;
    const std::string& now = is[i].version;
    if (before == now || (before.empty() && changes_.accept_changed_functions)) continue;
    const auto text = [](const std::string& version) { return version.empty() ? "no version" : "version " + version; };
    versions +=
        fmt::format("{}{} of {}, and now {}", versions.empty() ? "" : "; ", text(before), was[i].kind, text(now));
  }
  if (is_same && versions.empty()) return;
  if (!is_same) versions = "other functions than it has now";
  problems_.push_back(
      fmt::format("{} '{}' was saved with {}: if {}, say changed_functions = {{\"{}\"}}; if {}, rebuilt = {{\"{}\"}}",
                  whose.what, whose.name, versions, whose.goes_on, whose.name, whose.made_again, whose.name));
}

void StateLoader::check_outputs() {
  Lineage lineage = match_.lineage();
  std::set<OutputId> ledgers;  // which go on with their inputs
  for (const InputInfo& input : engine_.flow().inputs) ledgers.insert(input.ledger);
  for (OutputId id = 0; id < engine_.flow().outputs.size(); ++id) {
    if (!ledgers.contains(id)) check_output(engine_.flow().outputs[id], lineage);
  }
}

void StateLoader::check_output(const OutputInfo& output, Lineage& lineage) {
  const auto found = found_outputs_.find(output.name);
  if (found == found_outputs_.end()) return;
  const EdgeInfo& edge = engine_.flow().edges[output.edge];
  const auto& [name, schema, was, functions] = found->second;
  const std::string is = lineage.of(output.edge);
  const Functions functions_now = lineage.functions(output.edge);
  const bool differs =
      schema != edge.schema || was != is || !are_the_same(functions, functions_now) || !untold(functions_now).empty();
  if (changes_.rebuilt.contains(name) && (differs || made_anew_.contains(edge.producer))) {
    found_outputs_.erase(found);
    return;
  }
  if (const auto again = made_again_.find(edge.producer); again != made_again_.end()) {
    problems_.push_back(fmt::format(
        "output '{0}' is of operator '{1}', which is made again: so all of it has to come again: say rebuilt "
        "= {{\"{0}\"}}",
        name, again->second));
    return;
  }
  try {
    if (schema != edge.schema) (void)conversion(schema, edge.schema, fmt::format("output '{}'", name));
  } catch (const SchemaChange&) {
    problems_.push_back(
        fmt::format("output '{0}' gave {1}, and now gives {2}: if all of it is to come again, say "
                    "rebuilt = {{\"{0}\"}}",
                    name, schema.to_string(), edge.schema.to_string()));
  }
  if (was == is) {
    const Whose whose{"output", name, "what comes continues what it gave", "all of it is to come again"};
    check_functions(whose, functions, functions_now);
  } else if (!changes_.changed_reads.contains(name)) {
    const std::string goes_on =
        lineage.is_of_new(output.edge)
            ? ""
            : fmt::format("if what comes continues what it gave, say changed_reads = {{\"{}\"}}; ", name);
    problems_.push_back(
        fmt::format("output '{}' was of {}; and now is of {}: {}if all of it is to come again, say "
                    "rebuilt = {{\"{}\"}}",
                    name, was, is, goes_on, name));
  }
}

std::shared_ptr<const RowConversion> StateLoader::conversion(const Schema& was, const Schema& is,
                                                             const std::string& whose) {
  auto conversion = std::make_shared<const RowConversion>(was, is);
  for (const std::string& type : conversion->changed()) {
    if (!changes_.changed_rows.contains(type)) changed_rows_[type].push_back(whose);
  }
  return conversion;
}

void StateLoader::throw_problems() const {
  std::vector<std::string> problems = match_.problems();
  problems.insert(problems.end(), problems_.begin(), problems_.end());
  for (const auto& [type, whose] : changed_rows_) {
    problems.push_back(
        fmt::format("rows of type {0} are not what they were, in {1}: if those that are kept can be read as they are "
                    "now, say changed_rows = {{\"{0}\"}}",
                    type, fmt::join(whose, ", ")));
  }
  if (!changed_functions_.empty() && !changes_.accept_changed_functions) {
    problems.push_back(
        fmt::format("the executable is another one, and functions without a version may have changed with it, of '{}': "
                    "if they do what they did, say accept_changed_functions = true; with a version() they are told "
                    "apart",
                    fmt::join(changed_functions_, "', '")));
  }
  if (problems.empty()) return;
  for (const std::string& name : match_.unknown_names()) {
    problems.push_back(
        fmt::format("'{}' is named in changes: neither the saved state nor this dataflow has such a name", name));
  }
  throw SavedStateError(fmt::format("{}", fmt::join(problems, "\n")));
}

SlotRange StateLoader::Operator::slots_of(unsigned worker) const {
  const Placement placement = nodes_.front()->info->placement;
  if (placement == Placement::whole || (placement == Placement::first && worker == 0)) return {};
  if (placement == Placement::first) return {0, 0};
  const auto workers = static_cast<unsigned>(nodes_.size());
  return {first_slot_of(worker, workers), first_slot_of(worker + 1, workers)};
}

void StateLoader::Operator::load(unsigned slot, std::string_view items) const {
  const OperatorInfo& info = *nodes_.front()->info;
  if (slot >= kSlots) throw DecodeError(fmt::format("operator '{}' has items in slot {}", info.name, slot));
  const auto workers = static_cast<unsigned>(nodes_.size());
  const bool is_whole = info.placement == Placement::whole;
  const unsigned owner = info.placement == Placement::by_slot ? worker_of_slot(slot, workers) : 0;
  for (unsigned worker = owner; worker < (is_whole ? workers : owner + 1); ++worker) load_at(worker, items);
}

void StateLoader::Operator::load_at(unsigned worker, std::string_view items) const {
  std::string converted;
  if (conversion_ != nullptr) {
    Decoder in(items);
    Encoder out(converted);
    while (!in.at_end()) conversion_->convert(in, out);
    items = converted;
  }
  Decoder in(items);
  try {
    nodes_[worker]->node->state()->load(in);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    throw DecodeError(fmt::format("operator '{}': {}", nodes_.front()->info->name, error.what()));
  } catch (...) {
    throw DecodeError(
        fmt::format("operator '{}': what its load() threw is no std::exception", nodes_.front()->info->name));
  }
}

bool StateLoader::begins_empty(const std::string& name, const OperatorInfo& made_by) const {
  return changes_.begin_empty.contains(name) || match_.has_new_inputs_only(made_by);
}

WhatIsNew StateLoader::what_is_new() const {
  const Description& flow = engine_.flow();
  WhatIsNew added;
  for (const auto& [name, nodes] : missing_) {
    const OperatorInfo& info = *nodes.front()->info;
    (begins_empty(name, info) ? added.empty_operators : added.operators).insert(info.id);
  }
  for (OutputId id = 0; id < flow.outputs.size(); ++id) {
    const OutputInfo& output = flow.outputs[id];
    if (found_outputs_.contains(output.name)) continue;
    const OperatorInfo& made_by = flow.operators[flow.edges[output.edge].producer];
    (begins_empty(output.name, made_by) ? added.empty_outputs : added.outputs).insert(id);
  }
  for (InputId id = 0; id < flow.inputs.size(); ++id) {
    if (!match_.was_saved(flow.inputs[id])) {
      added.inputs.insert(id);
    } else {
      added.outputs.erase(flow.inputs[id].ledger);  // its input may have another name now, and so has the ledger
    }
  }
  return added;
}

void StateLoader::finish(bool is_kept) {
  if (std::optional<Filling> filling = plan_filling(engine_.flow(), what_is_new())) engine_.fill(std::move(*filling));
  for (const auto& worker : engine_.workers()) {
    if (is_kept) {
      for (PlacedNode& placed : worker->nodes()) {
        Segments* table = placed.node->state() == nullptr ? nullptr : placed.node->state()->table();
        if (table != nullptr) table->tell_changes();
      }
    }
    worker->resume();
  }
  engine_.count_state();
}

namespace {

/// Calls function(slot, items) for what PinnedEngine::save() wrote of an operator.
template <class Function>
void for_each_slot(Decoder& in, Function&& function) {
  for (std::uint64_t slots = in.varint(); slots != 0; --slots) {
    const std::uint64_t slot = in.varint();
    function(static_cast<unsigned>(std::min<std::uint64_t>(slot, kSlots)), in.bytes());
  }
}

}  // namespace

void load_state(Engine& engine, const SavedState& saved, const ProgramChanges& changes) {
  try {
    Decoder in(saved.unseal());
    SavedProgram program;
    program.step = in.varint();
    program.borders = in.bytes();
    std::vector<Decoder> items;
    for (std::uint64_t operators = in.varint(); operators != 0; --operators) {
      std::string name(in.bytes());
      program.operators.push_back({std::move(name), StateIdentity::decode(in)});
      items.push_back(in);
      for_each_slot(in, [](unsigned, std::string_view) {});
    }
    if (!in.at_end()) throw SavedStateError("the saved state is damaged: there are bytes after its end");
    StateLoader loader(engine, program, changes);
    for (std::size_t i = 0; i < items.size(); ++i) {
      const StateLoader::Operator* const op = loader.operator_at(i);
      if (op == nullptr) continue;
      for_each_slot(items[i], [&](unsigned slot, std::string_view bytes) { op->load(slot, bytes); });
    }
    loader.finish(false);
  } catch (const DecodeError& error) {
    throw SavedStateError(fmt::format("the saved state does not fit this dataflow: {}", error.what()));
  }
}

}  // namespace lockstep
