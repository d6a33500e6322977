#pragma once

#include <memory>
#include <utility>

#include "runtime/rows/bytes.hpp"
#include "runtime/state/state_writer.hpp"

namespace lockstep {

/// The state of an operator at one worker as of one step. Any thread.
class PinnedState {
 public:
  virtual ~PinnedState() = default;
  /// Writes what lies in the writer's range.
  virtual void save(StateWriter& out) const = 0;
};

/// The state of an operator at one worker, erased. Worker-local; called when no step runs.
class NodeState {
 public:
  virtual ~NodeState() = default;
  virtual std::unique_ptr<const PinnedState> pin() = 0;
  virtual void load(Decoder& in) = 0;
};

/// What is pinned by the state's own means.
template <class Pinned>
class PinnedAs final : public PinnedState {
 public:
  template <class Operator>
  [[gnu::cold]] explicit PinnedAs(Operator& op) : pinned_(op.pin()) {}
  [[gnu::cold]] ~PinnedAs() override = default;
  [[gnu::cold]] void save(StateWriter& out) const override { pinned_.save(out); }

 private:
  Pinned pinned_;
};

/// What has no means of its own is written at once.
class PinnedItems final : public PinnedState {
 public:
  explicit PinnedItems(StateWriter&& items) : items_(std::move(items)) {}
  static std::unique_ptr<const PinnedState> of(StateWriter&& items);
  void save(StateWriter& out) const override;

 private:
  StateWriter items_;
};

/// An operator has state if it has load(decoder), and either save(writer) const or pin(), which gives something
/// that has save(writer) const.
template <class Operator>
concept CanBePinned = requires(Operator& op, StateWriter& out) {
  op.pin().save(out);
};
template <class Operator>
concept HasState = requires(Operator& op, Decoder& in) {
  op.load(in);
}
&&(CanBePinned<Operator> || requires(const Operator& op, StateWriter& out) { op.save(out); });

template <class Operator>
[[gnu::cold]] std::unique_ptr<const PinnedState> pin_state(Operator& op) {
  if constexpr (CanBePinned<Operator>) {
    return std::unique_ptr<const PinnedState>(new PinnedAs<decltype(op.pin())>(op));
  } else {
    StateWriter items;
    op.save(items);
    return PinnedItems::of(std::move(items));
  }
}

}  // namespace lockstep
