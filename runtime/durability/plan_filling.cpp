#include "runtime/durability/plan_filling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "runtime/durability/saved_state.hpp"

namespace lockstep {

namespace {

class Planner {
 public:
  Planner(const Description& flow, WhatIsNew added) : flow_(flow), added_(std::move(added)) {
    filling_.before.assign(flow.operators.size(), false);
    filling_.first.assign(flow.operators.size(), true);
    filling_.second.assign(flow.operators.size(), false);
    filling_.outputs.assign(flow.outputs.size(), false);
    filling_.inputs = added_.inputs;
  }

  Filling plan() {
    for (const OperatorInfo& op : flow_.operators) fill_before(op);
    for (const OperatorInfo& op : flow_.operators) {
      if (filling_.before[op.id]) added_.operators.erase(op.id);  // it is complete when the step is made
    }
    for (const OperatorInfo& op : flow_.operators) visit(op);
    for (OutputId output = 0; output < flow_.outputs.size(); ++output) visit(output);
    leave_out_of_the_first();
    filling_.sources_before = std::move(before_.sources);
    filling_.sources = std::move(second_.sources);
    return std::move(filling_);
  }

 private:
  /// What a pass that sends contents does.
  struct Sending {
    std::vector<Filling::Source> sources;
    std::set<OperatorId> comes_whole;  // what it gives in this pass is all
    std::set<EdgeId> completed;
  };

  static bool has_state(const OperatorInfo& op) { return !op.state.empty(); }

  /// An index of what there was already, if other indexes hold it: before the step, since what was there may look into
  /// it.
  void fill_before(const OperatorInfo& op) {
    if (!added_.operators.contains(op.id) || !has_state(op) || !op.gives_what_it_reads) return;
    const Sending sending = before_;
    const std::vector<bool> runs = filling_.before;
    filling_.before[op.id] = true;
    before_.comes_whole.insert(op.id);
    for (const EdgeId in : op.inputs) {
      if (complete(in, before_, filling_.before) == nullptr) continue;
      before_ = sending;
      filling_.before = runs;
      return;
    }
  }

  void visit(const OperatorInfo& op) {
    const bool is_new = added_.operators.contains(op.id);
    const auto reads = std::find_if(op.inputs.begin(), op.inputs.end(), [&](EdgeId in) { return is_of_new(in); });
    const bool reads_new = reads != op.inputs.end();
    if (!is_new && !reads_new) return;
    if (!is_new && has_state(op)) {
      if (added_.empty_operators.contains(op.id)) return;
      throw SavedStateError(fmt::format(
          "operator '{}' was saved, but reads operator '{}', which is new: its state lacks what that one "
          "begins with. If it is to be made again, name it in rebuilt; if it is another one now, give it another name",
          op.name, new_below(*reads)));
    }
    filling_.second[op.id] = true;
    second_.comes_whole.insert(op.id);
    made_of_new_.insert(op.id);
    for (const EdgeId in : op.inputs) complete(in, fmt::format("operator '{}'", op.name));
  }

  void visit(OutputId id) {
    const OutputInfo& output = flow_.outputs[id];
    const std::string name = fmt::format("output '{}'", output.name);
    if (added_.outputs.contains(id)) {
      filling_.outputs[id] = true;
      complete(output.edge, name);
    } else if (is_of_new(output.edge) && !added_.empty_outputs.contains(id)) {
      throw SavedStateError(
          fmt::format("{} was saved, but is of operator '{}', which is new. If all of it is to come again, name it in "
                      "rebuilt; if it is another one now, give it another name",
                      name, new_below(output.edge)));
    }
  }

  bool is_of_new(EdgeId edge) const { return made_of_new_.contains(flow_.edges[edge].producer); }

  /// The first operator with state that is new, on the way to this edge.
  const std::string& new_below(EdgeId edge) const {
    const OperatorInfo& op = flow_.operators[flow_.edges[edge].producer];
    if (added_.operators.contains(op.id)) return op.name;
    return new_below(*std::find_if(op.inputs.begin(), op.inputs.end(), [&](EdgeId in) { return is_of_new(in); }));
  }

  void complete(EdgeId edge, const std::string& whose) {
    if (const OperatorInfo* lacking = complete(edge, second_, filling_.second)) throw_incomplete(*lacking, whose);
  }

  /// Sees to it that a pass has all of an edge. Returns the operator that gives what nothing holds; null: it has.
  const OperatorInfo* complete(EdgeId edge, Sending& pass, std::vector<bool>& runs) {
    if (!pass.completed.insert(edge).second) return nullptr;
    const OperatorInfo& op = flow_.operators[flow_.edges[edge].producer];
    if (pass.comes_whole.contains(op.id)) return nullptr;
    if (added_.empty_operators.contains(op.id) || (op.source && added_.inputs.contains(*op.source))) {
      if (&pass == &second_) filling_.repeated.push_back(edge);
      return nullptr;
    }
    if (const OperatorInfo* index = index_of(edge)) {
      pass.sources.push_back({index->id, edge});
      return nullptr;
    }
    if (has_state(op) || op.source) return &op;
    runs[op.id] = true;
    for (const EdgeId in : op.inputs) {
      if (const OperatorInfo* lacking = complete(in, pass, runs)) return lacking;
    }
    return nullptr;
  }

  /// One that was there, whose contents are those of an edge.
  const OperatorInfo* index_of(EdgeId edge) const {
    for (const OperatorInfo& op : flow_.operators) {
      if (!op.indexes || added_.operators.contains(op.id) || added_.empty_operators.contains(op.id)) continue;
      if (*op.indexes == edge || holds_values_of(op, edge)) return &op;
    }
    return nullptr;
  }

  /// Whether an index is of the rows of a plain edge, which have only been given keys.
  bool holds_values_of(const OperatorInfo& index, EdgeId edge) const {
    if (!index.gives_what_it_reads || flow_.edges[edge].properties.partitioning != Partitioning::none) return false;
    const EdgeId in = index.inputs.front();
    if (!index.fused.empty()) return index.fused.size() == 1 && index.fused.front().only_keys && in == edge;
    const OperatorInfo& before = flow_.operators[flow_.edges[in].producer];
    return before.only_keys && before.fused.empty() && before.inputs.front() == edge;
  }

  [[noreturn]] void throw_incomplete(const OperatorInfo& lacking, const std::string& whose) const {
    std::string inputs;
    for (const InputId input : lacking.upstream) {
      inputs += (inputs.empty() ? "'" : ", '") + flow_.inputs[input].name + "'";
    }
    throw SavedStateError(fmt::format(
        "the saved state has no {} as it is now: it would begin with what came before from {}, which would "
        "have to be read again, since no index keeps what '{}' gives. If it may begin with what comes, name "
        "it in begin_empty",
        whose, inputs, lacking.name));
  }

  /// What is new, and operators whose rows only go there.
  void leave_out_of_the_first() {
    std::vector<bool> is_wanted(flow_.operators.size());
    for (OutputId output = 0; output < flow_.outputs.size(); ++output) {
      if (!filling_.outputs[output]) is_wanted[flow_.edges[flow_.outputs[output].edge].producer] = true;
    }
    for (auto op = flow_.operators.rbegin(); op != flow_.operators.rend(); ++op) {
      const bool is_new = added_.operators.contains(op->id);
      if (is_new || (filling_.second[op->id] && !is_wanted[op->id])) {
        filling_.first[op->id] = false;
      } else {
        for (const EdgeId in : op->inputs) is_wanted[flow_.edges[in].producer] = true;
      }
    }
  }

  const Description& flow_;
  WhatIsNew added_;
  Filling filling_;
  Sending before_;
  Sending second_;
  std::set<OperatorId> made_of_new_;  // it gives what no operator gave before
};

}  // namespace

std::optional<Filling> plan_filling(const Description& flow, const WhatIsNew& added) {
  if (added.operators.empty() && added.outputs.empty()) return std::nullopt;
  return Planner(flow, added).plan();
}

}  // namespace lockstep
