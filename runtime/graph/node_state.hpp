#pragma once

#include <concepts>
#include <memory>
#include <utility>

#include "runtime/rows/bytes.hpp"
#include "runtime/state/capture.hpp"
#include "runtime/state/state_writer.hpp"

namespace lockstep {

/// The state of an operator at one worker as of one step. One thread captures it; any may save it.
class PinnedState {
 public:
  virtual ~PinnedState() = default;
  /// Some states are not theirs yet when they are pinned. When no step runs: goes on until it is this late, and returns
  /// whether all is. REQUIRES, of all else: all is.
  virtual bool capture(Capture::Deadline) { return true; }
  /// Writes what lies in the writer's range.
  virtual void save(StateWriter& out) const = 0;
};

/// The state of an operator at one worker, erased. Worker-local; called when no step runs.
class NodeState {
 public:
  virtual ~NodeState() = default;
  virtual std::unique_ptr<PinnedState> pin() = 0;
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
  [[gnu::cold]] bool capture([[maybe_unused]] Capture::Deadline until) override {
    if constexpr (std::derived_from<Pinned, Capture>) {
      pinned_.advance(until);
      return pinned_.done();
    }
    return true;
  }

 private:
  Pinned pinned_;
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
[[gnu::cold]] std::unique_ptr<PinnedState> pin_state(Operator& op) {
  if constexpr (CanBePinned<Operator>) {
    return std::unique_ptr<PinnedState>(new PinnedAs<decltype(op.pin())>(op));
  } else {
    StateWriter items;
    op.save(items);
    return PinnedItems::of(std::move(items));
  }
}

}  // namespace lockstep
