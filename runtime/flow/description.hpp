#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/flow/part.hpp"

namespace lockstep {

class Assembly;
class EventTimeBase;
class IndexViewBase;
class SealedBase;

using OperatorId = std::uint32_t;
/// A nested clock; 0 is the one of the steps.
using ScopeId = std::uint32_t;

struct EdgeInfo {
  EdgeId id = 0;
  std::string name;
  Schema schema;
  Properties properties;
  OperatorId producer = 0;
};

/// Makes an operator's nodes for one worker.
class NodeMaker {
 public:
  virtual ~NodeMaker() = default;
  virtual void make(Assembly& assembly) const = 0;
};

/// A part that has been added.
struct OperatorInfo : Part {
  explicit OperatorInfo(Part part);
  OperatorInfo(const OperatorInfo&);
  OperatorInfo(OperatorInfo&&) noexcept;
  ~OperatorInfo();

  OperatorId id = 0;
  ScopeId scope = 0;
  std::vector<EdgeId> inputs = {};
  std::vector<FusedPart> fused = {};
  /// For each of its reads, how many of the inputs are of this one and those before.
  std::vector<std::size_t> read_ends = {};
  /// By what its rows are exchanged on the way in; empty: they are not.
  std::string exchanged_by = {};
  /// The inputs that its rows come from, in order.
  std::vector<InputId> upstream = {};
  bool has_output = false;
  EdgeId output = 0;
  std::vector<EdgeId> side_edges = {};
  /// The edge whose contents it holds by key and lets others see (Assembly::view).
  std::optional<EdgeId> indexes = {};
  std::shared_ptr<const NodeMaker> maker = {};
};

/// Contents that an index holds anyway.
struct ContentsInfo {
  ContentsName of;
  EdgeId indexed = 0;
  /// Gives a ContentsPart.
  std::shared_ptr<const void> (*pin)(IndexViewBase&) = nullptr;
};

struct InputInfo {
  std::string name = {};
  /// The operator that turns what is sealed into a delta.
  OperatorId reader = 0;
  OutputId ledger = 0;
  SealedBase* (*make_sealed)(std::shared_ptr<const EventTimeBase>) = nullptr;
  /// Null: it has none.
  std::shared_ptr<const EventTimeBase> event_time = nullptr;
};

/// A dataflow as data: what Dataflow builds, streams refer to, and a runtime instantiates. Operators come after
/// those they read from.
class Description {
 public:
  Description();
  Description(const Description&);
  Description& operator=(const Description&) = delete;
  ~Description();

  /// Tells dataflows apart; copies of a description are of the same one.
  std::shared_ptr<const void> identity;
  std::deque<OperatorInfo> operators;
  std::deque<EdgeInfo> edges;
  std::deque<InputInfo> inputs;
  Outputs outputs;
  /// Of outputs and tables that lie by key.
  std::vector<ContentsInfo> contents;
  TransportFactory transport = nullptr;

  /// Adds a part and, if `gives`, its edge. Throws FlowError if it cannot be; then all is as it was.
  OperatorInfo& add(Part part, const std::vector<ReadInfo>& reads, bool gives);
  const EdgeInfo& edge(EdgeId id) const;
  /// Keeps a name for as long as this description, or a copy of it, is there.
  OperatorName keep(const std::string& name);

  /// The edge that is the same for all who ask for the same thing, by a description of it; null: nobody has yet.
  const EdgeId* keyed_alike(const std::string& signature) const;
  void set_keyed_alike(const std::string& signature, EdgeId edge);
  /// Whether an operator does: see OperatorInfo::indexes.
  bool is_indexed(EdgeId edge) const;

  InputId add_input(InputInfo info);
  OutputId add_output(OutputInfo info);

  /// A diagram for mermaid.js, or for Graphviz.
  std::string mermaid() const;
  std::string dot() const;
  /// What comes out, and below it, further in, what it is made of: see Dataflow::explain.
  std::string explain() const;

 private:
  std::shared_ptr<std::deque<std::string>> names_;
  std::map<std::string, EdgeId> keyed_alike_;
};

}  // namespace lockstep
