#include "tools/bank/run.hpp"

#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <span>

#include "lockstep.hpp"
#include "tools/bank/flow.hpp"

namespace lockstep::bank {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kTooManyViolations = 10'000;
constexpr std::size_t kShownMalformed = 10;
constexpr std::uint64_t kArrivalsPerProgress = 256;

double seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

/// The beginning of a line, quoted.
std::string excerpt(const std::string& text) {
  constexpr std::size_t kLength = 120;
  return to_string(text.substr(0, kLength)) + (text.size() > kLength ? "..." : "");
}

RuntimeOptions with_room(RuntimeOptions options) {
  options.stage_bytes = std::numeric_limits<std::size_t>::max() / 2;  // the step is as large as the user says
  return options;
}

/// The engine on one side, the oracle on the other, a step at a time.
class Harness {
 public:
  Harness(const RunOptions& options)
      : verify_(options.verify),
        flow_(options.border.step_rows ? std::optional(options.border.lateness_ms) : std::nullopt),
        runtime_(flow_.dataflow, with_room(options.runtime)),
        oracle_(options.exhaustive) {}

  void step(StepInput& input) {
    const auto begin = Clock::now();
    auto port = runtime_[flow_.transfers];
    if (!input.pushed.empty()) port.push(input.pushed);
    for (LedgerRow& row : input.rejected) port.reject(std::move(row));
    const Step step = runtime_.step();
    engine_time_ += Clock::now() - begin;

    const auto verification = Clock::now();
    if (verify_) {
      auto late = input.late.begin();
      for (std::size_t i = 0; i < input.pushed.size(); ++i) {
        if (late != input.late.end() && *late == i) {
          ++late;
        } else {
          oracle_.admit(input.pushed[i]);
        }
      }
    }
    const auto& views = flow_.views;
    const auto of_transfer = [](const Transfer& row) { return view_row(row); };
    const auto of_account = [](const AccountRow& row) { return view_row(row.first, row.second); };
    const auto of_money = [](std::int64_t row) { return view_row(row); };
    take(View::accepted_transactions, step, views.accepted_transactions, of_transfer);
    take(View::credits, step, views.credits, of_account);
    take(View::debits, step, views.debits, of_account);
    take(View::balance, step, views.balance, of_account);
    take(View::balance_all, step, views.balance_all, of_account);
    take(View::total, step, views.total, of_money);
    take(View::total_all, step, views.total_all, of_money);
    ledger_ += step[ledger(flow_.transfers)].size();
    if (verify_) oracle_.check(step.number(), false);
    verification_time_ += Clock::now() - verification;
  }

  void end() {
    const auto begin = Clock::now();
    if (verify_ && runtime_.latest().number() != 0) oracle_.check(runtime_.latest().number(), true);
    verification_time_ += Clock::now() - begin;
  }

  void fill(Report& report) const {
    const auto admitted = static_cast<double>(report.admitted);
    report.rows_per_second = report.admitted == 0 ? 0 : admitted / seconds(engine_time_);
    if (verify_ && report.admitted != 0) {
      report.verified_rows_per_second = admitted / seconds(engine_time_ + verification_time_);
    }
    report.ledger = ledger_;
    const auto view = [this](View view) {
      ViewReport report = reports_[static_cast<std::size_t>(view)];
      report.violations = oracle_.violations(view);
      return report;
    };
    report.views = {view(View::accepted_transactions), view(View::credits), view(View::debits),   view(View::balance),
                    view(View::balance_all),           view(View::total),   view(View::total_all)};
  }

  std::uint64_t violations() const { return oracle_.violations(); }
  const Oracle& oracle() const { return oracle_; }

 private:
  template <class R, class ToRow>
  void take(View view, const Step& step, const Output<R>& output, ToRow to_row) {
    ViewReport& report = reports_[static_cast<std::size_t>(view)];
    for (const auto& [row, weight] : step[output]) {
      report.rows += weight;
      if (weight > 0) report.updates += weight;
      if (verify_) oracle_.show(view, to_row(row), weight);
    }
  }

  const bool verify_;
  Flow flow_;
  Runtime runtime_;
  Oracle oracle_;
  std::array<ViewReport, kViews> reports_{};
  std::uint64_t ledger_ = 0;
  Clock::duration engine_time_{};
  Clock::duration verification_time_{};
};

}  // namespace

Outcome run(Source& source, const RunOptions& options, const std::function<bool(const Progress&)>& go_on) {
  Outcome outcome;
  const auto begin = Clock::now();
  Harness harness(options);
  Border border(options.border, [&harness](StepInput& input) { harness.step(input); });
  for (std::uint64_t arrivals = 0;; ++arrivals) {
    if (arrivals % kArrivalsPerProgress == 0) {
      outcome.interrupted = !go_on({source.progress(), border.admitted(), harness.violations()});
    }
    outcome.gave_up = harness.violations() >= kTooManyViolations;
    if (outcome.interrupted || outcome.gave_up) break;
    std::optional<Arrival> arrival = source.next();
    if (!arrival) break;
    if (const auto* bad = std::get_if<BadLine>(&*arrival); bad != nullptr && border.malformed() < kShownMalformed) {
      outcome.first_malformed.push_back(fmt::format("line {}: {}: {}", bad->number, bad->reason, excerpt(bad->text)));
    }
    border.arrive(std::move(*arrival));
  }
  border.end();
  harness.end();
  outcome.interrupted |= !go_on({source.progress(), border.admitted(), harness.violations()});

  Report& report = outcome.report;
  report.admitted = border.admitted();
  report.late = border.late();
  report.malformed = border.malformed();
  report.steps = border.steps();
  harness.fill(report);
  outcome.violations = harness.violations() + (report.ledger != report.late + report.malformed);
  outcome.first_violations = harness.oracle().first_violations();
  outcome.full_recomputations = harness.oracle().full_recomputations();
  outcome.seconds = seconds(Clock::now() - begin);
  return outcome;
}

}  // namespace lockstep::bank
