#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/clock/clock.hpp"
#include "runtime/durability/saved_state.hpp"
#include "runtime/durability/state_identity.hpp"

namespace lockstep {

/// All state of an engine as of its last step. When all of it is captured, any thread may write it, while steps go on,
/// and after the engine.
class PinnedEngine {
 public:
  /// The state of one operator at all workers.
  class Operator {
   public:
    const std::string& name() const { return info_->name; }
    StateIdentity identity() const;
    /// About.
    std::size_t bytes() const { return bytes_; }
    /// About how many rows, groups or keys, if that is known before they are written.
    std::optional<std::size_t> entries() const;
    /// Whether of this slot only what has changed is written: items replace what was said of their keys.
    bool has_only_changes(unsigned slot) const { return changes_[slot]; }
    void save(StateWriter& out) const;

   private:
    friend class PinnedEngine;
    const OperatorInfo* info_ = nullptr;
    const PinnedEngine* of_ = nullptr;
    std::size_t bytes_ = 0;
    SlotSet changes_;
    std::vector<std::unique_ptr<PinnedState>> parts_;  // by worker, or one that is the same at all
  };

  /// The slots, by operators' names, of which it suffices to have what has changed since the last that was kept.
  using ChangesOf = std::map<std::string_view, SlotSet>;

  /// Of a clock's engine, as of its last step, all of it captured: a little between every two steps that are made
  /// meanwhile. `call`: what a user called, for errors. `changes_of`: null if it will not be kept. Throws StepFailed if
  /// the engine fails.
  static std::unique_ptr<PinnedEngine> of(Clock& clock, const char* call, const ChangesOf* changes_of);

  /// REQUIRES: no step runs. Throws StepFailed if the engine has failed.
  PinnedEngine(Engine& engine, const ChangesOf* changes_of);
  /// When no step runs: goes on until the window is over, on so many threads. Returns whether all is captured.
  bool capture(const CaptureWindow& window, unsigned threads = 1);
  /// When no step runs: what is pinned next may be only what has changed since this was. REQUIRES: the engine is there.
  void keep();

  std::uint64_t step() const { return step_; }
  /// Sealed into all steps of this engine until then.
  Engine::Sealed sealed() const { return sealed_; }
  /// Encoded Borders.
  std::string borders() const;
  const std::vector<Operator>& operators() const { return operators_; }

  SavedState save() const;

 private:
  std::shared_ptr<const Description> flow_;
  std::uint64_t step_;
  Engine::Sealed sealed_;
  Positions positions_;
  std::set<InputId> new_inputs_;    // nothing is saved of them
  std::vector<OutputId> complete_;  // outputs that are
  struct Open {
    Capture* capture;
    Capture::Range* range;
    bool done = false;
  };
  template <class Function>
  void for_each_capture(Function&& function) const;
  /// Of what was there before, if there was no step yet.
  Lineage lineage() const;
  /// Whether it depends on new inputs only.
  bool is_new(const OperatorInfo& op) const;

  std::vector<Operator> operators_;
  std::vector<Open> open_;  // what has to be captured yet
};

}  // namespace lockstep
