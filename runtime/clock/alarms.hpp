#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/flow/assembly.hpp"
#include "runtime/graph/dirty_set.hpp"
#include "runtime/steps/step_data.hpp"

namespace lockstep {

/// Which nodes of a worker want to run when a watermark passes, and the watermarks that they see. A step costs what its
/// watermarks have moved: O(groups of nodes that read the same inputs with event time), and O(log wishes) for each node
/// that is due. Worker-local.
class Alarms {
 public:
  void install(const std::vector<PlacedNode>& nodes, const std::deque<InputInfo>& inputs);

  /// Whether an input has event time.
  bool any() const { return !groups_.empty(); }
  /// A step has begun: nodes that have waited for its watermarks are due.
  void begin(const std::vector<InputWatermark>& watermarks, DirtySet& due);
  /// What a node sees: see Activation.
  Timestamp watermark_of(std::uint32_t node) const {
    return of_node_.empty() || of_node_[node] == kNone ? kNoTimestamp : groups_[of_node_[node]].watermark;
  }
  /// To be called with what a node wishes.
  void set(std::uint32_t node, Timestamp at);

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  struct Wish {
    Timestamp at;
    std::uint32_t node;
    friend bool operator>(const Wish& a, const Wish& b) { return a.at > b.at; }
  };
  /// Nodes whose rows come from the same inputs, of those with event time.
  struct Group {
    std::vector<InputId> inputs;
    Timestamp watermark = kNoTimestamp;
    std::vector<Wish> wishes;  // a heap, the earliest first; some are out of date
  };

  std::vector<Group> groups_;
  std::vector<std::uint32_t> of_node_;            // by node: its group; empty: no input has event time
  std::vector<std::optional<Timestamp>> wished_;  // by node
};

}  // namespace lockstep
