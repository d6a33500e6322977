#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "runtime/graph/edge.hpp"
#include "runtime/graph/node_state.hpp"
#include "runtime/steps/time.hpp"

namespace lockstep {

/// What an operator may know and ask for while it runs.
struct Activation {
  Time time;
  /// Up to when what it reads is complete: the least watermark of the inputs that its rows come from, of those that
  /// have event time. kNoTimestamp: there is no telling yet.
  Timestamp watermark = kNoTimestamp;
  /// Set to be run, with or without input, in the first step after this whose watermark is not before it. One such wish
  /// at a time is kept, the earliest. (Operators that are loaded with state are run once, so it need not be saved.)
  std::optional<Timestamp> wake_at = {};
  /// Counts activations: what edges and exchanges are stamped with.
  std::uint64_t beat = 0;
  /// Set to be run in the next step too, with or without input.
  bool again = false;
  /// Set, by a node of the first level, to be run once more in this activation: its delta comes in pieces.
  bool once_more = false;
};

/// Counted by the worker that runs the node, read by any thread: single writer, so a relaxed store suffices.
class NodeCounters {
 public:
  [[gnu::always_inline]] static void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount) {
    counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }

  std::atomic<std::uint64_t> activations{0};
  std::atomic<std::uint64_t> rows_in{0};
  std::atomic<std::uint64_t> rows_out{0};
  std::atomic<std::uint64_t> nanoseconds{0};
  std::atomic<std::uint64_t> state_bytes{0};
};

/// One operator at one worker, erased: one virtual call per activation, never per row. Worker-local.
class Node {
 public:
  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;

  virtual void eval(Activation& activation) = 0;
  /// Whether the delta of the edge it reads may come in pieces, any of which may go to any worker, with one call of
  /// eval() for each, the last of which may be empty (EdgeBase::more_to_come). Said by nodes of the first level that
  /// read one edge and leave nothing at another.
  bool takes_pieces() const { return takes_pieces_; }
  /// Whether it is the part of an operator that sends rows to other workers.
  bool sends() const { return sends_; }
  /// Null: it keeps none.
  NodeState* state() const { return state_; }

  NodeCounters counters;

 protected:
  bool takes_pieces_ = false;
  bool sends_ = false;
  NodeState* state_ = nullptr;
};

/// What a node reads: its readers, one after another. (A std::tuple would be as good, and cost a third of the time that
/// a node takes to compile.)
template <class... Reader>
class Readers {
 public:
  /// Calls function(before..., reader...).
  template <class Function, class... Before>
  void apply(Function&& function, Before&... before) {
    function(before...);
  }
  std::size_t size() const { return 0; }
};
template <class First, class... Rest>
class Readers<First, Rest...> {
 public:
  explicit Readers(First first, Rest... rest) : first_(std::move(first)), rest_(std::move(rest)...) {}
  template <class Function, class... Before>
  void apply(Function&& function, Before&... before) {
    rest_.apply(function, before..., first_);
  }
  std::size_t size() const { return first_.size() + rest_.size(); }

 private:
  First first_;
  [[no_unique_address]] Readers<Rest...> rest_;
};

/// Runs an operator: see add_part(). OutRow is void if it gives nothing.
template <class Operator, class OutRow, class... Reader>
class OperatorNode final : public Node {
 public:
  template <class Make, class Site>
  OperatorNode(const Make& make, const Site& site, Edge<OutRow>* out, Reader... readers)
      : op_(make(site)), out_(out), readers_(std::move(readers)...) {
    if constexpr (HasState<Operator>) state_ = &saved_;
  }

  [[gnu::cold]] ~OperatorNode() override = default;

  Operator& op() { return op_; }

  void eval(Activation& activation) override {
    NodeCounters::add(counters.rows_in, readers_.size());
    readers_.apply([&](Reader & ... reader) __attribute__((always_inline)) { run(activation, reader...); });
    count_bytes();
  }

 private:
  void run(Activation& activation, Reader&... reader) {
    if constexpr (std::is_void_v<OutRow>) {
      call(activation, reader...);
    } else if constexpr (
        requires { op_.eval(reader..., *out_); } || requires { op_.eval(reader..., *out_, activation); }) {
      call(activation, reader..., *out_);
      NodeCounters::add(counters.rows_out, out_->size());
    } else {
      Batch<OutRow>& out = out_->fill();
      call(activation, reader..., out);
      NodeCounters::add(counters.rows_out, out.size());
      out_->send();
    }
  }
  template <class... Argument>
  void call(Activation& activation, Argument&... argument) {
    if constexpr (requires { op_.eval(argument..., activation); }) {
      op_.eval(argument..., activation);
    } else if constexpr (requires { op_.eval(argument...); }) {
      op_.eval(argument...);
    } else {
      static_assert(std::is_void_v<Operator>,
                    "lockstep: an operator's eval takes a reader for each thing that its part reads, then, if the part "
                    "gives rows, a Batch of them or its Edge, and then an Activation, if it wants one");
    }
  }
  void count_bytes() {
    if constexpr (requires { op_.bytes(); }) counters.state_bytes.store(op_.bytes(), std::memory_order_relaxed);
  }

  class Saved final : public NodeState {
   public:
    explicit Saved(OperatorNode& node) : node_(&node) {}
    [[gnu::cold]] std::unique_ptr<PinnedState> pin(const SlotSet* changes_of) override {
      return pin_state(node_->op_, changes_of);
    }
    [[gnu::cold]] Segments* table() override {
      if constexpr (CanBeCaptured<Operator>) return &node_->op_.table();
      return nullptr;
    }
    [[gnu::cold]] void load(Decoder& in) override {
      node_->op_.load(in);
      node_->count_bytes();
    }

   private:
    OperatorNode* node_;
  };
  struct NotSaved {
    explicit NotSaved(OperatorNode&) {}
  };

  Operator op_;
  Edge<OutRow>* out_;
  [[no_unique_address]] Readers<Reader...> readers_;
  [[no_unique_address]] std::conditional_t<HasState<Operator>, Saved, NotSaved> saved_{*this};
};

}  // namespace lockstep
