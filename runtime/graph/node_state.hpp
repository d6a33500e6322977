#pragma once

#include <memory>
#include <utility>

#include "runtime/rows/bytes.hpp"
#include "runtime/state/pinned_state.hpp"
#include "runtime/state/segments.hpp"
#include "runtime/state/state_writer.hpp"

namespace lockstep {

/// The state of an operator at one worker, erased. Worker-local; called when no step runs.
class NodeState {
 public:
  virtual ~NodeState() = default;
  /// `changes_of`: the slots of which changes suffice; see Segments::begin_capture().
  virtual std::unique_ptr<PinnedState> pin(const SlotSet* changes_of) = 0;
  /// The table that it is captured from; null: it is not captured.
  virtual Segments* table() = 0;
  virtual void load(Decoder& in) = 0;
};

/// What has no means of its own is written at once.
class PinnedItems final : public PinnedState {
 public:
  explicit PinnedItems(StateWriter&& items) : items_(std::move(items)) {}
  static std::unique_ptr<PinnedState> of(StateWriter&& items);
  void save(StateWriter& out) const override;

 private:
  StateWriter items_;
};

/// An operator has state if it has load(decoder), and one of these: save(writer) const; or table(), the table that is
/// all of its state, and capture(changes_of), which gives a Capture of it.
template <class Operator>
concept CanBeCaptured = requires(Operator& op, const SlotSet* changes_of) {
  op.capture(changes_of);
  op.table();
};
template <class Operator>
concept HasState = requires(Operator& op, Decoder& in) {
  op.load(in);
}
&&(CanBeCaptured<Operator> || requires(const Operator& op, StateWriter& out) { op.save(out); });

template <class Operator>
[[gnu::cold]] std::unique_ptr<PinnedState> pin_state(Operator& op, [[maybe_unused]] const SlotSet* changes_of) {
  if constexpr (CanBeCaptured<Operator>) {
    return op.capture(changes_of);
  } else {
    StateWriter items;
    op.save(items);
    return PinnedItems::of(std::move(items));
  }
}

}  // namespace lockstep
