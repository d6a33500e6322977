#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/faults/errors.hpp"
#include "runtime/flow/description.hpp"
#include "runtime/graph/edge.hpp"
#include "runtime/graph/node.hpp"
#include "runtime/graph/transport.hpp"
#include "runtime/state/index.hpp"
#include "runtime/state/limits.hpp"

namespace lockstep {

class SealedBase;

/// What the workers of one runtime have in common while they are assembled.
struct CommonAssembly {
  unsigned workers = 1;
  /// The least number of rows that a worker takes at a time; 0: each gets its slice at once.
  std::size_t piece_rows = 0;
  IndexLimits limits;
  /// Null for one worker, which exchanges nothing.
  std::unique_ptr<Transport> transport;
  std::vector<SealedBase*> sealed;  // by input
  /// Lanes by the operator that made them and their order in it.
  std::map<std::pair<OperatorId, unsigned>, std::uint32_t> lanes;
};

/// A node where it stands in its worker: level by level, in each level after those it reads from.
struct PlacedNode {
  std::unique_ptr<Node> node;
  const OperatorInfo* info;
  unsigned level;
  std::vector<EdgeBase*> reads;
};

/// Keeps the contents of an output at one worker; pins them for a snapshot.
struct KeptContents {
  OutputId output;
  std::function<std::shared_ptr<const void>()> pin;
};

/// Makes the nodes and edges of one worker out of a description. Operators call it from OperatorInfo::build.
class Assembly {
 public:
  Assembly(const Description& description, CommonAssembly& shared, Pulse& pulse, unsigned worker)
      : shared(shared), pulse(pulse), worker(worker), description_(description), edges_(description.edges.size()) {}

  const OperatorInfo& info(OperatorId id) const { return description_.operators[id]; }
  unsigned workers() const { return shared.workers; }
  bool exchanges() const { return shared.workers > 1; }
  const IndexLimits& limits() const { return shared.limits; }

  template <class R>
  Edge<R>& make_edge(EdgeId id, unsigned level) {
    auto edge = std::make_unique<Edge<R>>(pulse, level);
    Edge<R>& result = *edge;
    for (OutputId output = 0; output < description_.outputs.size(); ++output) {
      if (description_.outputs[output].edge == id) edge->publish_as(output);
    }
    edges_[id] = std::move(edge);
    return result;
  }

  /// An edge between nodes of one operator, which the description does not know.
  template <class R>
  Edge<R>& make_inner_edge(unsigned level) {
    auto edge = std::make_unique<Edge<R>>(pulse, level);
    Edge<R>& result = *edge;
    parts_.edges.push_back(std::move(edge));
    return result;
  }

  template <class R>
  Edge<R>& edge(EdgeId id) {
    return dynamic_cast<Edge<R>&>(*edges_.at(id));
  }
  template <class R>
  EdgeReader<R> reader(EdgeId id) {
    return EdgeReader<R>(edge<R>(id));
  }

  /// Adds a node that runs `op` on what the readers give and leaves its delta at the edge `out`.
  template <class Operator, class OutRow, class... Reader>
  Operator& add(const OperatorInfo& info, Operator op, Edge<OutRow>& out, Reader... reader) {
    auto node = std::make_unique<OperatorNode<Operator, OutRow, Reader...>>(std::move(op), out, reader...);
    Operator& result = node->op();
    add_node(info, level_of(reader...), std::move(node), reader...);
    return result;
  }

  template <class... Reader>
  void add_node(const OperatorInfo& info, unsigned level, std::unique_ptr<Node> node, Reader&... reader) {
    PlacedNode slot{std::move(node), &info, level, {}};
    [[maybe_unused]] const auto note = [&slot](const EdgeBase& edge) {
      slot.reads.push_back(const_cast<EdgeBase*>(&edge));
    };
    (reader.for_each_edge(note), ...);
    parts_.nodes.push_back(std::move(slot));
  }

  template <class... Reader>
  static unsigned level_of(const Reader&... reader) {
    unsigned level = 0;
    [[maybe_unused]] const auto note = [&level](const EdgeBase& edge) { level = std::max(level, edge.level); };
    (reader.for_each_edge(note), ...);
    return level;
  }

  /// The operator that keeps an index of an edge lets those who read the edge see it.
  template <class K, class V>
  void provide_view(EdgeId id, IndexView<K, V>& view) {
    views_[id] = &view;
  }
  template <class K, class V>
  IndexView<K, V>& view(EdgeId id) {
    return *static_cast<IndexView<K, V>*>(views_.at(id));
  }

  void add_contents(KeptContents contents) { parts_.contents.push_back(std::move(contents)); }

  struct Parts {
    std::vector<PlacedNode> nodes;
    std::vector<std::unique_ptr<EdgeBase>> edges;
    std::vector<KeptContents> contents;
  };
  Parts take() {
    for (auto& edge : edges_) parts_.edges.push_back(std::move(edge));
    return std::move(parts_);
  }

  CommonAssembly& shared;
  Pulse& pulse;
  const unsigned worker;

 private:
  const Description& description_;
  std::vector<std::unique_ptr<EdgeBase>> edges_;
  Parts parts_;
  std::map<EdgeId, void*> views_;
};

}  // namespace lockstep
