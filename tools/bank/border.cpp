#include "tools/bank/border.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lockstep::bank {

void Border::arrive(Arrival arrival) {
  if (auto* bad = std::get_if<BadLine>(&arrival)) {
    ++malformed_;
    next_.rejected.push_back({.reason = fmt::format("line {}: {}", bad->number, bad->reason),
                              .event_time = {},
                              .row = std::move(bad->text)});
    return;
  }
  const Transfer& transfer = std::get<Transfer>(arrival);
  if (newest_ && transfer.ts < *newest_ - options_.lateness_ms) {
    ++late_;
    if (options_.step_rows) {
      next_.late.push_back(next_.pushed.size());
      next_.pushed.push_back(transfer);
      return;
    }
    next_.rejected.push_back({.reason = fmt::format("late: the watermark is {} ms", *newest_ - options_.lateness_ms),
                              .event_time = transfer.ts,
                              .row = to_line(transfer)});
    return;
  }
  newest_ = std::max(newest_.value_or(transfer.ts), transfer.ts);
  ++admitted_;
  admit(transfer);
}

void Border::admit(const Transfer& transfer) {
  if (options_.step_rows) {
    // A full step waits for the first row of the next, so that rows rejected at the end of the input find a step.
    if (next_.admitted() == *options_.step_rows) step();
    next_.pushed.push_back(transfer);
    return;
  }
  waiting_[transfer.ts].push_back(transfer);
  while (waiting_.begin()->first < *newest_ - options_.lateness_ms) {
    next_.pushed = std::move(waiting_.extract(waiting_.begin()).mapped());
    step();
  }
}

void Border::end() {
  while (!waiting_.empty()) {
    next_.pushed = std::move(waiting_.extract(waiting_.begin()).mapped());
    step();
  }
  if (!next_.pushed.empty() || !next_.rejected.empty()) step();
}

void Border::step() {
  steps_ += next_.admitted() != 0;
  step_(next_);
  next_.pushed.clear();
  next_.late.clear();
  next_.rejected.clear();
}

}  // namespace lockstep::bank
