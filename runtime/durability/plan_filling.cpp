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
  Planner(const Description& flow, const WhatIsNew& added) : flow_(flow), added_(added) {
    filling_.first.assign(flow.operators.size(), true);
    filling_.second.assign(flow.operators.size(), false);
    filling_.outputs.assign(flow.outputs.size(), false);
  }

  Filling plan() {
    for (const OperatorInfo& op : flow_.operators) visit(op);
    for (OutputId output = 0; output < flow_.outputs.size(); ++output) visit(output);
    leave_out_of_the_first();
    return std::move(filling_);
  }

 private:
  static bool has_state(const OperatorInfo& op) { return !op.state.empty(); }

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
    comes_whole_.insert(op.id);
    if (reads_new || !op.passes_on) made_of_new_.insert(op.id);
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
                      "rebuilt; if it "
                      "is another one now, give it another name",
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

  /// Sees to it that the second pass has all of an edge.
  void complete(EdgeId edge, const std::string& whose) {
    if (!completed_.insert(edge).second) return;
    const OperatorInfo& op = flow_.operators[flow_.edges[edge].producer];
    if (comes_whole_.contains(op.id)) return;
    if (added_.empty_operators.contains(op.id) || (op.source && added_.inputs.contains(*op.source))) {
      filling_.repeated.push_back(edge);
      return;
    }
    if (const OperatorInfo* index = index_of(edge)) {
      filling_.sources.push_back({index->id, edge});
      return;
    }
    if (has_state(op) || op.source) throw_incomplete(op, whose);
    filling_.second[op.id] = true;
    for (const EdgeId in : op.inputs) complete(in, whose);
  }

  /// One that was there, whose contents are those of an edge.
  const OperatorInfo* index_of(EdgeId edge) const {
    for (const OperatorInfo& op : flow_.operators) {
      if (!op.indexes || added_.operators.contains(op.id) || added_.empty_operators.contains(op.id)) continue;
      if (*op.indexes == edge) return &op;
      const bool has_its_rows = op.fused.size() == 1 && op.fused.front().only_keys && op.inputs.front() == edge;
      if (has_its_rows && flow_.edges[edge].properties.partitioning == Partitioning::none) return &op;
    }
    return nullptr;
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
      const bool is_new = added_.operators.contains(op->id) && !op->passes_on;
      if (is_new || (filling_.second[op->id] && !is_wanted[op->id])) {
        filling_.first[op->id] = false;
      } else {
        for (const EdgeId in : op->inputs) is_wanted[flow_.edges[in].producer] = true;
      }
    }
  }

  const Description& flow_;
  const WhatIsNew& added_;
  Filling filling_;
  std::set<OperatorId> comes_whole_;  // what it gives in the second pass is all
  std::set<OperatorId> made_of_new_;  // it gives what no operator gave before
  std::set<EdgeId> completed_;
};

}  // namespace

std::optional<Filling> plan_filling(const Description& flow, const WhatIsNew& added) {
  if (added.operators.empty() && added.outputs.empty()) return std::nullopt;
  return Planner(flow, added).plan();
}

}  // namespace lockstep
