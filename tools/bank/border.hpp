#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "runtime/intake/ledger_row.hpp"
#include "tools/bank/source.hpp"

namespace lockstep::bank {

/// What one step takes in.
struct StepInput {
  /// In order of arrival, or in steps by event time, in that of time.
  std::vector<Transfer> pushed;
  /// Which of these are late, by their places: what the engine has to find.
  std::vector<std::size_t> late;
  /// What is refused before it gets to the engine: lines that are no transfers; and in steps by event time, since it is
  /// here that transfers wait for the watermark, those that come too late for that.
  std::vector<LedgerRow> rejected;

  std::size_t admitted() const { return pushed.size() - late.size(); }
};

struct BorderOptions {
  /// Admitted rows a step; nothing: a step for each timestamp.
  std::optional<std::uint64_t> step_rows = 1000;
  std::int64_t lateness_ms = 5000;
};

/// Cuts arrivals into steps, and knows which are late, as the engine's border has to: the watermark is the largest
/// timestamp seen less the lateness; a transfer is admitted iff its timestamp is not below it. In steps by event time,
/// admitted transfers wait until the watermark is past their timestamp, or the input ends.
class Border {
 public:
  Border(const BorderOptions& options, std::function<void(StepInput&)> step)
      : options_(options), step_(std::move(step)) {}

  void arrive(Arrival arrival);
  /// The input has ended: what waits is stepped.
  void end();

  std::uint64_t admitted() const { return admitted_; }
  std::uint64_t late() const { return late_; }
  std::uint64_t malformed() const { return malformed_; }
  /// Steps that took in an admitted row.
  std::uint64_t steps() const { return steps_; }

 private:
  void admit(const Transfer& transfer);
  void step();

  BorderOptions options_;
  std::function<void(StepInput&)> step_;

  std::optional<std::int64_t> newest_;
  StepInput next_;
  std::map<std::int64_t, std::vector<Transfer>> waiting_;  // by timestamp, in steps by event time
  std::uint64_t admitted_ = 0;
  std::uint64_t late_ = 0;
  std::uint64_t malformed_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace lockstep::bank
