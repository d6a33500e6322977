#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/clock/alarms.hpp"
#include "runtime/clock/filling.hpp"
#include "runtime/clock/state_limit.hpp"
#include "runtime/faults/failure.hpp"
#include "runtime/flow/assembly.hpp"
#include "runtime/graph/pulse.hpp"
#include "runtime/graph/transport.hpp"
#include "runtime/steps/step.hpp"

namespace lockstep {

/// What a step is about: given to every worker at its start.
struct StepOrder {
  Time time;
  StepData* data = nullptr;
  /// Inputs for which something was sealed.
  std::vector<InputId> inputs;
  std::size_t rows = 0;  // sealed
  /// Whether the nodes' running times are taken in this step, and for how many steps like it they count.
  std::uint64_t time_weight = 0;
  /// Null in all steps but the first of some runtimes, which has several passes then.
  const Filling* filling = nullptr;
  Filling::Pass pass = Filling::Pass::first;
};

/// A shard: its part of all state, its nodes in topological order, and where it is in the step. It is run by one
/// thread, which may run others too.
class Worker {
 public:
  enum class Progress { moved, waiting, done };

  /// `limit`: null if state may hold what it will.
  Worker(unsigned id, std::unique_ptr<Pulse> pulse, Transport* transport, Failure& failure, StateLimit* limit = nullptr)
      : id_(id), pulse_(std::move(pulse)), transport_(transport), failure_(failure), limit_(limit) {}

  /// Takes over what was assembled. `levels` is the same for all workers.
  void install(Assembly::Parts parts, unsigned levels, const std::deque<InputInfo>& inputs);
  /// The node that turns an input's sealed rows into a delta.
  void set_input(InputId input, OperatorId reader);
  /// Has all nodes with state run in the next step: before it was saved, any may have asked to.
  void resume();

  void begin(const StepOrder& order) noexcept;
  /// Before the first pass of a step that fills, and after the last one.
  void begin_filling(const Filling& filling);
  void end_filling(const Filling& filling);
  /// Between steps: gives back memory of deltas, and of what tables note of a step, that were much larger once.
  void give_back_idle();
  /// Runs until the step is done or the messages of a level are missing; `one_node`: or a node has run.
  Progress advance(bool one_node) noexcept;
  /// Whether advance() can do something, be it to learn that the step has failed.
  bool ready() noexcept;

  unsigned id() const { return id_; }
  std::vector<PlacedNode>& nodes() { return nodes_; }
  const std::vector<PlacedNode>& nodes() const { return nodes_; }
  const std::vector<KeptContents>& contents() const { return contents_; }

 private:
  Progress run_level(bool one_node);
  /// Whether any node asked to run once more: then these are due.
  bool run_once_more();
  void choose_outputs(FunctionRef<bool(OutputId)> is_chosen);
  void send_contents(const Filling& filling, Filling::Pass pass);
  void eval_in_a_pass(PlacedNode& placed, Activation& activation);
  void eval_watched(Node& node, Activation& activation);
  void eval_timed(Node& node, Activation& activation);

  unsigned id_;
  std::unique_ptr<Pulse> pulse_;
  Transport* transport_;
  Failure& failure_;
  StateLimit* limit_;
  std::vector<std::unique_ptr<EdgeBase>> edges_;
  std::vector<PlacedNode> nodes_;
  std::vector<ProvidedView> views_;
  std::vector<KeptContents> contents_;
  std::vector<std::uint32_t> level_begins_;  // of nodes_, one more than levels
  std::vector<std::uint32_t> input_nodes_;   // by input
  Alarms alarms_;
  std::vector<std::uint32_t> again_;      // nodes that asked to run in the next step
  std::vector<std::uint32_t> once_more_;  // nodes that asked to run once more in this activation

  // Where it is in the step.
  Time time_;
  StepData* data_ = nullptr;
  std::uint64_t time_weight_ = 0;
  const Filling* filling_ = nullptr;
  Filling::Pass pass_ = Filling::Pass::first;
  unsigned level_ = 0;
  std::uint32_t position_ = 0;
  bool awaiting_ = false;
};

}  // namespace lockstep
