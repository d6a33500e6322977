#pragma once

#include <array>
#include <boost/describe.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/clock/options.hpp"
#include "tools/bank/border.hpp"
#include "tools/bank/oracle.hpp"
#include "tools/bank/source.hpp"

namespace lockstep::bank {

struct ViewReport {
  std::int64_t rows = 0;     // sum of weights at the end
  std::int64_t updates = 0;  // sum of positive weights over all deltas
  std::uint64_t violations = 0;
};
BOOST_DESCRIBE_STRUCT(ViewReport, (), (rows, updates, violations))

struct Views {
  ViewReport accepted_transactions, credits, debits, balance, balance_all, total, total_all;
};
BOOST_DESCRIBE_STRUCT(Views, (), (accepted_transactions, credits, debits, balance, balance_all, total, total_all))

struct Report {
  std::uint64_t admitted = 0;
  std::uint64_t late = 0;
  std::uint64_t malformed = 0;
  std::uint64_t steps = 0;
  /// Of the engine alone: pushes and steps.
  double rows_per_second = 0;
  /// Of the engine and the oracle; none if nothing was verified.
  std::optional<double> verified_rows_per_second;
  Views views;
  /// Rows of the engine's ledger; must be late + malformed.
  std::uint64_t ledger = 0;
};
BOOST_DESCRIBE_STRUCT(Report, (),
                      (admitted, late, malformed, steps, rows_per_second, verified_rows_per_second, views, ledger))

struct Outcome {
  Report report;
  std::uint64_t violations = 0;
  std::vector<Violation> first_violations;
  /// The first malformed lines, and why.
  std::vector<std::string> first_malformed;
  std::uint64_t full_recomputations = 0;
  double seconds = 0;
  /// The user or too many violations ended the run before the input did.
  bool interrupted = false;
  bool gave_up = false;
};

struct RunOptions {
  RuntimeOptions runtime;
  BorderOptions border;
  bool verify = true;
  bool exhaustive = false;
};

struct Progress {
  std::optional<double> part;  // of the input
  std::uint64_t rows;
  std::uint64_t violations;
};

/// Runs the bank over a source. `go_on` is called now and then, and ends the run as if the input ended when it returns
/// false. Throws StepFailed if a sum leaves 64 bits, and std::runtime_error if the source cannot be read.
Outcome run(Source& source, const RunOptions& options, const std::function<bool(const Progress&)>& go_on);

}  // namespace lockstep::bank
