#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/flow/properties.hpp"
#include "runtime/graph/transport.hpp"
#include "runtime/rows/schema.hpp"
#include "runtime/steps/output_name.hpp"

namespace lockstep {

class Assembly;
class SealedBase;

using OperatorId = std::uint32_t;
using InputId = std::uint32_t;

struct EdgeInfo {
  EdgeId id = 0;
  std::string name;
  Schema schema;
  Properties properties;
  OperatorId producer = 0;
};

struct OperatorInfo {
  OperatorId id = 0;
  /// What it is: `join`, `group_by`.
  std::string kind = {};
  /// Stable: given, or derived from what it is and what it reads.
  std::string name = {};
  std::vector<EdgeId> inputs = {};
  /// Stateless operators that run inside this one, in the order in which a row meets them.
  std::vector<std::string> fused = {};
  /// Whether its rows are exchanged on the way in, and by what.
  std::string exchanged_by = {};
  /// What its state is: all that must be the same for saved state to be loaded. Empty: it keeps none.
  std::string state = {};
  bool has_output = false;
  EdgeId output = 0;
  /// Makes the operator's nodes for one worker.
  std::function<void(Assembly&)> build = {};
};

struct InputInfo {
  std::string name = {};
  /// The operator that turns what is sealed into a delta.
  OperatorId reader = 0;
  OutputId ledger = 0;
  std::function<std::unique_ptr<SealedBase>()> make_sealed = {};
};

/// A dataflow as data: what Dataflow builds, streams refer to, and a runtime instantiates. Operators come after
/// those they read from.
class Description {
 public:
  /// Tells dataflows apart; copies of a description are of the same one.
  std::shared_ptr<const void> identity = std::make_shared<char>();
  std::deque<OperatorInfo> operators;
  std::deque<EdgeInfo> edges;
  std::deque<InputInfo> inputs;
  Outputs outputs;
  /// Edges that can be shared by all who ask for the same thing, by a description of it.
  std::map<std::string, EdgeId> keyed_alike;
  /// Edges whose contents an operator holds by key and lets others see (Assembly::view).
  std::set<EdgeId> indexed;
  TransportFactory transport = nullptr;

  OperatorInfo& add_operator(OperatorInfo info);
  EdgeId add_edge(OperatorInfo& producer, Schema schema, Properties properties);
  /// A further edge of the same operator.
  EdgeId add_side_edge(const OperatorInfo& producer, std::string name, Schema schema, Properties properties);
  InputId add_input(InputInfo info);
  OutputId add_output(OutputInfo info);

  /// A diagram for mermaid.js, or for Graphviz.
  std::string mermaid() const;
  std::string dot() const;
  /// A line for each operator: name, what is fused into it, exchange, state, the row type and properties of its edge.
  std::string explain() const;
};

}  // namespace lockstep
