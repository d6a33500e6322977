#include "runtime/flow/description.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "runtime/faults/errors.hpp"
#include "runtime/flow/names.hpp"

namespace lockstep {

std::string Properties::to_string() const {
  std::string out;
  const auto add = [&out](const char* word) { out += (out.empty() ? "" : ", ") + std::string(word); };
  switch (partitioning) {
    case Partitioning::none: add("not partitioned"); break;
    case Partitioning::colocated: add("equal rows together"); break;
    case Partitioning::by_row: add("by row"); break;
    case Partitioning::by_key: add("by key"); break;
  }
  if (append_only) add("append-only");
  if (unique_by_key) add("unique by key");
  if (step_dependent) add("step-dependent");
  return out;
}

OperatorInfo& Description::add_operator(OperatorInfo info) {
  info.id = static_cast<OperatorId>(operators.size());
  for (const OperatorInfo& other : operators) {
    if (info.state.empty() || other.state.empty() || other.name != info.name) continue;
    throw FlowError(fmt::format(
        "{}: two operators with state are called '{}', so it could not be told which saved state is whose; name "
        "one of them, or what it reads, with .named()",
        info.kind, info.name));
  }
  operators.push_back(std::move(info));
  return operators.back();
}

EdgeId Description::add_edge(OperatorInfo& producer, Schema schema, Properties properties) {
  for (const EdgeId input : producer.inputs) properties.step_dependent |= edges[input].properties.step_dependent;
  producer.has_output = true;
  producer.output = add_side_edge(producer, producer.name, std::move(schema), properties);
  return producer.output;
}

EdgeId Description::add_side_edge(const OperatorInfo& producer, std::string name, Schema schema,
                                  Properties properties) {
  const auto id = static_cast<EdgeId>(edges.size());
  edges.push_back({id, std::move(name), std::move(schema), properties, producer.id});
  return id;
}

InputId Description::add_input(InputInfo info) {
  const bool taken =
      std::any_of(inputs.begin(), inputs.end(), [&](const InputInfo& input) { return input.name == info.name; });
  info.name = checked_name("input", std::move(info.name));
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
  for (const std::string& name : info.fused) text.append(name).append(" → ");
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

std::string Description::explain() const {
  std::string out;
  const auto at = std::back_inserter(out);
  for (const OperatorInfo& info : operators) {
    fmt::format_to(at, "{}", info.name);
    if (info.has_output) {
      const EdgeInfo& edge = edges[info.output];
      fmt::format_to(at, ": {} [{}]", edge.schema.to_string(), edge.properties.to_string());
    }
    if (!info.state.empty()) fmt::format_to(at, " keeps state");
    if (!info.exchanged_by.empty()) fmt::format_to(at, " after an exchange by {}", info.exchanged_by);
    if (!info.fused.empty()) fmt::format_to(at, " with {}", fmt::join(info.fused, ", "));
    out += '\n';
  }
  for (const OutputInfo& output : outputs) {
    fmt::format_to(at, "output {} of {}\n", output.name, edges[output.edge].name);
  }
  return out;
}

}  // namespace lockstep
