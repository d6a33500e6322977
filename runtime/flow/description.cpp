#include "runtime/flow/description.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "runtime/faults/errors.hpp"
#include "runtime/flow/names.hpp"

namespace lockstep {

OperatorInfo::OperatorInfo(Part part) : Part(std::move(part)) {}
OperatorInfo::OperatorInfo(const OperatorInfo&) = default;
OperatorInfo::OperatorInfo(OperatorInfo&&) noexcept = default;
OperatorInfo::~OperatorInfo() = default;

Description::Description() : identity(std::make_shared<char>()), names_(std::make_shared<std::deque<std::string>>()) {}
Description::Description(const Description&) = default;
Description::~Description() = default;

const EdgeInfo& Description::edge(EdgeId id) const { return edges[id]; }

OperatorName Description::keep(const std::string& name) { return OperatorName(names_->emplace_back(name)); }

const EdgeId* Description::keyed_alike(const std::string& signature) const {
  const auto found = keyed_alike_.find(signature);
  return found == keyed_alike_.end() ? nullptr : &found->second;
}
void Description::set_keyed_alike(const std::string& signature, EdgeId edge) { keyed_alike_[signature] = edge; }

bool Description::is_indexed(EdgeId edge) const {
  return std::any_of(operators.begin(), operators.end(), [edge](const OperatorInfo& op) { return op.indexes == edge; });
}

namespace {

/// Loaded state goes where the rows that it is about will come.
void check_placement(OperatorInfo& info, RowsAre rows_are) {
  if ((rows_are == RowsAre::at_every_worker) != (info.placement == Placement::whole)) {
    throw FlowError(
        fmt::format("{}: state that is whole at every worker is for operators that get all rows at every "
                    "worker, and no other is",
                    info.kind));
  }
  if (rows_are == RowsAre::anywhere) {
    throw FlowError(
        fmt::format("{}: it has state, which lies by slots, but reads rows that do not: it must read them by_key, "
                    "by_owner, gathered or broadcast",
                    info.kind));
  }
  if (rows_are == RowsAre::at_the_first) info.placement = Placement::first;
}

}  // namespace

OperatorInfo& Description::add(Part part, const std::vector<ReadInfo>& reads, bool gives) {
  OperatorInfo info(std::move(part));
  info.id = static_cast<OperatorId>(operators.size());
  if (info.source) info.upstream.push_back(*info.source);
  bool step_dependent = false;
  for (const ReadInfo& read : reads) {
    if (read.flow != this) {
      throw FlowError(fmt::format("{}: it reads streams of different dataflows", info.kind));
    }
    if (!info.state.empty()) check_placement(info, read.rows_are);
    for (const EdgeId input : read.edges) {
      const OperatorInfo& producer = operators[edges[input].producer];
      if (&read == &reads.front() && input == read.edges.front()) info.scope = producer.scope;
      if (info.scope != producer.scope)
        throw FlowError(fmt::format("{}: it reads streams of different scopes", info.kind));
      step_dependent |= edges[input].properties.step_dependent;
      info.upstream.insert(info.upstream.end(), producer.upstream.begin(), producer.upstream.end());
      info.inputs.push_back(input);
    }
    for (FusedPart part : read.fused) {
      part.edges_before += info.inputs.size() - read.edges.size();
      info.fused.push_back(std::move(part));
    }
    info.read_ends.push_back(info.inputs.size());
    if (read.exchanged_by != nullptr) info.exchanged_by = read.exchanged_by;
  }
  std::sort(info.upstream.begin(), info.upstream.end());
  info.upstream.erase(std::unique(info.upstream.begin(), info.upstream.end()), info.upstream.end());
  for (const OperatorInfo& other : operators) {
    if (info.state.empty() || other.state.empty() || other.name != info.name) continue;
    throw FlowError(fmt::format(
        "{}: two operators with state are called '{}', so it could not be told which saved state is whose; name "
        "one of them, or what it reads, with .named()",
        info.kind, info.name));
  }

  for (const ReadInfo& read : reads) {
    if (read.exchanged_by != nullptr) transport = read.transport;
  }
  const auto add_edge = [&](std::string name, Schema schema, Properties properties) {
    properties.step_dependent |= step_dependent;
    edges.push_back({static_cast<EdgeId>(edges.size()), std::move(name), std::move(schema), properties, info.id});
    return edges.back().id;
  };
  info.has_output = gives;
  if (gives) info.output = add_edge(info.name, *info.schema, info.properties);
  for (const SideEdge& side : info.sides) {
    info.side_edges.push_back(add_edge(side.name, side.schema, side.properties));
  }
  operators.push_back(std::move(info));
  return operators.back();
}

InputId Description::add_input(InputInfo info) {
  const bool taken =
      std::any_of(inputs.begin(), inputs.end(), [&](const InputInfo& input) { return input.name == info.name; });
  info.name = checked_name("name of an input", std::move(info.name));
  if (taken) throw FlowError(fmt::format("input '{}': another input has this name", info.name));
  inputs.push_back(std::move(info));
  return static_cast<InputId>(inputs.size() - 1);
}

OutputId Description::add_output(OutputInfo info) {
  const bool taken =
      std::any_of(outputs.begin(), outputs.end(), [&](const OutputInfo& output) { return output.name == info.name; });
  if (taken) throw FlowError(fmt::format("output '{}': another output has this name", info.name));
  outputs.push_back(std::move(info));
  return static_cast<OutputId>(outputs.size() - 1);
}

namespace {

std::string escaped(const std::string& text, bool html) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '<' || c == '>' || c == '&') {
      if (html) {
        fmt::format_to(std::back_inserter(out), "#{};", static_cast<int>(c));
        continue;
      }
      if (c == '"') out += '\\';
    }
    out += c;
  }
  return out;
}

std::string box(const OperatorInfo& info) {
  std::string text;
  for (const FusedPart& part : info.fused) text.append(part.name).append(" → ");
  return text + info.name;
}

}  // namespace

std::string Description::mermaid() const {
  std::string out = "flowchart TD\n";
  for (const OperatorInfo& info : operators) {
    fmt::format_to(std::back_inserter(out), "  n{}[\"{}\"]\n", info.id, escaped(box(info), true));
    for (const EdgeId input : info.inputs) {
      const std::string label = info.exchanged_by.empty() ? "" : "|exchange by " + info.exchanged_by + "|";
      fmt::format_to(std::back_inserter(out), "  n{} -->{} n{}\n", edges[input].producer, label, info.id);
    }
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    fmt::format_to(std::back_inserter(out), "  o{}([\"{}\"])\n  n{} --> o{}\n", i, escaped(outputs[i].name, true),
                   edges[outputs[i].edge].producer, i);
  }
  return out;
}

std::string Description::dot() const {
  std::string out = "digraph lockstep {\n  node [shape=box];\n";
  for (const OperatorInfo& info : operators) {
    fmt::format_to(std::back_inserter(out), "  n{} [label=\"{}\"];\n", info.id, escaped(box(info), false));
    for (const EdgeId input : info.inputs) {
      const std::string label =
          info.exchanged_by.empty() ? "" : fmt::format(" [label=\"exchange by {}\"]", info.exchanged_by);
      fmt::format_to(std::back_inserter(out), "  n{} -> n{}{};\n", edges[input].producer, info.id, label);
    }
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    fmt::format_to(std::back_inserter(out), "  o{} [label=\"{}\", shape=oval];\n  n{} -> o{};\n", i,
                   escaped(outputs[i].name, false), edges[outputs[i].edge].producer, i);
  }
  return out + "}\n";
}

namespace {

/// Writes what each operator is made of, further in, below it; each operator once.
class Tree {
 public:
  explicit Tree(const Description& flow) : flow_(flow), shown_(flow.operators.size()) {}

  std::string text() && {
    for (OutputId id = 0; id < flow_.outputs.size(); ++id) {
      if (is_ledger(id)) continue;
      fmt::format_to(std::back_inserter(out_), "output {}\n", flow_.outputs[id].name);
      show(producer(flow_.outputs[id].edge), 1);
    }
    for (const OperatorInfo& info : flow_.operators) {
      if (!shown_[info.id] && info.has_output && !is_read(info.output) && !is_output(info.output)) show(info, 0);
    }
    return std::move(out_);
  }

 private:
  void show(const OperatorInfo& info, std::size_t depth) {
    out_.append(2 * depth, ' ');
    name(info);
    if (!info.detail.empty()) out_ += " " + info.detail;
    if (std::exchange(shown_[info.id], 1)) {
      out_ += ", as above\n";
      return;
    }
    const auto at = std::back_inserter(out_);
    if (info.has_output) {
      const EdgeInfo& edge = flow_.edges[info.output];
      fmt::format_to(at, ": {} [{}]", edge.schema.to_string(), edge.properties.to_string());
    }
    if (!info.state.empty()) fmt::format_to(at, ", keeps {}", kept(info));
    if (!info.exchanged_by.empty()) fmt::format_to(at, ", exchange by {}", info.exchanged_by);
    for (std::size_t i = 0; i < info.fused.size(); ++i) {
      out_ += i == 0 ? ", after " : ", ";
      name(info.fused[i]);
    }
    for (const OperatorInfo& sink : flow_.operators) {
      if (info.has_output && !sink.has_output && sink.inputs.front() == info.output) {
        fmt::format_to(at, ", {} keeps {}", sink.kind, kept(sink));
      }
    }
    out_ += '\n';
    for (const EdgeId input : info.inputs) show(producer(input), depth + 1);
  }

  /// With the name under which it is saved, if the tree does not tell.
  static std::string kept(const OperatorInfo& info) {
    const std::string& what = info.bound.empty() ? info.state : info.bound;
    return is_shortened(info.name) ? fmt::format("{} as '{}'", what, info.name) : what;
  }
  const OperatorInfo& producer(EdgeId edge) const { return flow_.operators[flow_.edges[edge].producer]; }
  bool is_ledger(OutputId output) const {
    return std::any_of(flow_.inputs.begin(), flow_.inputs.end(),
                       [&](const InputInfo& input) { return input.ledger == output; });
  }
  bool is_output(EdgeId edge) const {
    return std::any_of(flow_.outputs.begin(), flow_.outputs.end(),
                       [&](const OutputInfo& output) { return output.edge == edge; });
  }
  bool is_read(EdgeId edge) const {
    return std::any_of(flow_.operators.begin(), flow_.operators.end(), [&](const OperatorInfo& info) {
      return info.has_output && std::find(info.inputs.begin(), info.inputs.end(), edge) != info.inputs.end();
    });
  }

  /// The kind, and the name if it was given one.
  template <class AnyPart>
  void name(const AnyPart& part) {
    out_ += part.kind;
    if (!is_derived(part.name, part.kind)) out_ += " '" + part.name + "'";
  }

  const Description& flow_;
  std::vector<char> shown_;
  std::string out_;
};

}  // namespace

std::string Description::explain() const { return Tree(*this).text(); }

}  // namespace lockstep
