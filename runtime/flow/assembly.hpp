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

/// Keeps contents at one worker; pins them for a snapshot, as a ContentsPart.
struct KeptContents {
  ContentsName of;
  std::function<std::shared_ptr<const void>()> pin;
};

/// An index at one worker, as others see it.
struct ProvidedView {
  OperatorId index = 0;
  EdgeId of = 0;
  IndexViewBase* view = nullptr;
  /// Sends all that it holds on the edge that it is of.
  void (*send_contents)(const IndexViewBase& view, EdgeBase& edge) = nullptr;
  /// Sends its values on another one. Null if it is not an index of rows that come from elsewhere.
  void (*send_values)(const IndexViewBase& view, EdgeBase& edge) = nullptr;
};

/// Makes the nodes and edges of one worker out of a description. Operators call it from their NodeMaker. Owns what
/// it is given, as soon as it is.
class Assembly {
 public:
  Assembly(const Description& description, CommonAssembly& common, Pulse& pulse, unsigned worker);
  ~Assembly();

  const OperatorInfo& info(OperatorId id) const;
  unsigned workers() const { return common.workers; }
  bool exchanges() const { return common.workers > 1; }
  const IndexLimits& limits() const { return common.limits; }

  template <class R>
  Edge<R>& make_edge(EdgeId id, unsigned level) {
    auto* const edge = new Edge<R>(pulse, level);
    add_edge(id, edge);
    return *edge;
  }

  /// An edge between nodes of one operator, which the description does not know.
  template <class R>
  Edge<R>& make_inner_edge(unsigned level) {
    auto* const edge = new Edge<R>(pulse, level);
    add_inner_edge(edge);
    return *edge;
  }

  template <class R>
  Edge<R>& edge(EdgeId id) {
    return dynamic_cast<Edge<R>&>(edge_base(id));
  }
  template <class R>
  EdgeReader<R> reader(EdgeId id) {
    return EdgeReader<R>(edge<R>(id));
  }

  template <class... Reader>
  void add_node(const OperatorInfo& info, unsigned level, Node* node, Reader&... reader) {
    PlacedNode& placed = add_node_alone(info, level, node);
    [[maybe_unused]] const auto note = [&placed](const EdgeBase& edge) { add_read(placed, edge); };
    (reader.for_each_edge(note), ...);
  }

  template <class... Reader>
  static unsigned level_of(const Reader&... reader) {
    unsigned level = 0;
    [[maybe_unused]] const auto note = [&level](const EdgeBase& edge) { level = std::max(level, edge.level); };
    (reader.for_each_edge(note), ...);
    return level;
  }

  /// The number of an operator's lane, which is made if it is not there.
  std::uint32_t lane(const OperatorInfo& info, unsigned ordinal, LaneBase* (*make)(unsigned workers));

  /// The operator that keeps an index of an edge lets those who read the edge see it.
  void provide_view(const ProvidedView& view);
  template <class K, class V>
  IndexView<K, V>& view(EdgeId id) {
    return dynamic_cast<IndexView<K, V>&>(view_base(id));
  }

  void add_contents(KeptContents contents);
  /// When all operators are there.
  void add_contents(const ContentsInfo& of_an_index);

  struct Parts {
    std::vector<PlacedNode> nodes;
    std::vector<std::unique_ptr<EdgeBase>> edges;  // first those of the description, by their ids
    std::vector<ProvidedView> views;
    std::vector<KeptContents> contents;
  };
  Parts take();

  CommonAssembly& common;
  Pulse& pulse;
  const unsigned worker;

 private:
  void add_edge(EdgeId id, EdgeBase* edge);
  void add_inner_edge(EdgeBase* edge);
  EdgeBase& edge_base(EdgeId id);
  IndexViewBase& view_base(EdgeId id);
  PlacedNode& add_node_alone(const OperatorInfo& info, unsigned level, Node* node);
  static void add_read(PlacedNode& placed, const EdgeBase& edge);

  const Description& description_;
  Parts parts_;
};

}  // namespace lockstep
