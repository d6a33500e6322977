#pragma once

#include <atomic>
#include <cstdint>
#include <tuple>
#include <utility>

#include "runtime/graph/edge.hpp"
#include "runtime/rows/bytes.hpp"
#include "runtime/steps/time.hpp"

namespace lockstep {

/// What an operator may know and ask for while it runs.
struct Activation {
  Time time;
  /// Counts activations: what edges and exchanges are stamped with.
  std::uint64_t tick = 0;
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
  virtual bool takes_pieces() const { return false; }
  /// Whether it is the part of an operator that sends rows to other workers.
  virtual bool sends() const { return false; }
  virtual bool has_state() const = 0;
  virtual void save(unsigned slot, Encoder& out) const = 0;
  virtual void load(Decoder& in) = 0;

  NodeCounters counters;
};

/// Runs an operator: a class with `eval(readers..., out)` or `eval(readers..., out, activation)`, where out is the
/// Batch to fill. What else it can do is found by what it has: `save(slot, encoder)` and `load(decoder)` for state,
/// `bytes()`.
template <class Operator, class OutRow, class... Reader>
class OperatorNode final : public Node {
 public:
  OperatorNode(Operator op, Edge<OutRow>& out, Reader... readers)
      : op_(std::move(op)), out_(out), readers_(std::move(readers)...) {}

  Operator& op() { return op_; }

  void eval(Activation& activation) override {
    Batch<OutRow>& out = out_.fill();
    std::apply(
        [&](Reader&... reader) {
          NodeCounters::add(counters.rows_in, (std::uint64_t{0} + ... + reader.size()));
          if constexpr (requires { op_.eval(reader..., out, activation); }) {
            op_.eval(reader..., out, activation);
          } else {
            op_.eval(reader..., out);
          }
        },
        readers_);
    NodeCounters::add(counters.rows_out, out.size());
    if constexpr (requires { op_.bytes(); }) {
      counters.state_bytes.store(op_.bytes(), std::memory_order_relaxed);
    }
    out_.send();
  }

  bool has_state() const override { return kHasState; }
  void save(unsigned slot, Encoder& out) const override {
    if constexpr (kHasState) op_.save(slot, out);
  }
  void load(Decoder& in) override {
    if constexpr (kHasState) {
      op_.load(in);
      if constexpr (requires { op_.bytes(); }) counters.state_bytes.store(op_.bytes(), std::memory_order_relaxed);
    }
  }

 private:
  static constexpr bool kHasState = requires(Operator op, Encoder out, Decoder in) {
    op.save(0U, out);
    op.load(in);
  };

  Operator op_;
  Edge<OutRow>& out_;
  std::tuple<Reader...> readers_;
};

}  // namespace lockstep
