#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/clock/durability.hpp"
#include "runtime/durability/save.hpp"
#include "runtime/durability/state_loader.hpp"
#include "tests/property/random.hpp"

namespace lockstep::property {

/// Checkpoints in memory, as a directory has them: of a slot all that it held once, and what has changed since. Some
/// fail, and then it is told again what has changed.
class KeptRecords final : public Durability {
 public:
  explicit KeptRecords(std::uint64_t seed) : random_(seed) {}

  void attach(Clock& clock) override;
  void detach() noexcept override { clock_ = nullptr; }
  /// Done when it returns.
  std::shared_future<std::uint64_t> checkpoint(CheckpointCondition condition) override;
  CheckpointMetrics metrics() const override { return {}; }

  /// Whether there is to be one now.
  bool is_due() { return random_.chance(40); }
  /// The next one will not fail.
  void insist() { insists_ = true; }

 private:
  struct Operator {
    StateIdentity identity;
    std::map<unsigned, std::vector<std::string>> slots;
  };

  PinnedEngine::ChangesOf some_changes();

  Random random_;
  Clock* clock_ = nullptr;
  bool insists_ = false;
  std::uint64_t step_ = 0;
  std::string borders_;
  std::map<std::string, Operator> operators_;
};

}  // namespace lockstep::property
