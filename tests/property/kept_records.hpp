#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/clock/durability.hpp"
#include "runtime/durability/save.hpp"
#include "runtime/durability/state_loader.hpp"
#include "tests/property/random.hpp"

namespace lockstep::property {

/// Checkpoints in memory, as a directory has them: of a slot all that it held once, and what has changed since. They
/// are captured bit by bit, while steps go on. Some fail, and then it is told again what has changed.
class KeptRecords final : public Durability {
 public:
  explicit KeptRecords(std::uint64_t seed) : random_(seed) {}

  void attach(Clock& clock) override;
  void detach() noexcept override;
  /// Begins one, if none is under way. Done when it returns, if it is not to fail.
  std::shared_future<std::uint64_t> checkpoint(CheckpointCondition condition) override;
  /// Between steps: goes on with the one that is under way.
  void go_on();
  CheckpointMetrics metrics() const override { return {}; }

  /// Whether there is to be one now.
  bool is_due() { return random_.chance(40); }
  /// Whether there is to be one now that does not fail, since the runtime is about to go.
  bool insists() { return insists_ = random_.chance(50); }
  /// Of the last one. 0: there was none.
  std::uint64_t step() const { return step_; }

 private:
  struct Operator {
    StateIdentity identity;
    std::map<unsigned, std::vector<std::string>> slots;
  };

  PinnedEngine::ChangesOf some_changes();
  void begin();
  void capture_all();
  void keep();
  void drop();

  Random random_;
  Clock* clock_ = nullptr;
  std::unique_ptr<PinnedEngine> under_way_;
  bool insists_ = false;
  std::uint64_t step_ = 0;
  std::string borders_;
  std::map<std::string, Operator> operators_;
};

}  // namespace lockstep::property
