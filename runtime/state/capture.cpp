#include "runtime/state/capture.hpp"

#include <algorithm>

#include "runtime/state/segments.hpp"
#include "runtime/threads/fair_mutex.hpp"

namespace lockstep {

bool CaptureWindow::is_over() const {
  return (steps == nullptr || steps->is_wanted()) && std::chrono::steady_clock::now() >= least;
}

Capture::~Capture() {
  if (table_ != nullptr) table_->end_capture();
}

void Capture::keep() { source_->keep(*this); }

bool Capture::advance(Range& range, const CaptureWindow& window) {
  const auto is_over = [&] { return range.done_ || failure_ != nullptr; };
  while (!is_over()) {
    if (!write_erased(range.number_, erased_)) table_->write_segment(*this, range);
    if (window.is_over()) break;
  }
  return is_over();
}

bool Capture::done() {
  if (failure_ != nullptr) std::rethrow_exception(failure_);
  if (table_ == nullptr) return true;
  if (!std::all_of(ranges_.begin(), ranges_.end(), [](const Range& range) { return range.done_; })) return false;
  table_->end_capture();
  table_ = nullptr;
  return true;
}

}  // namespace lockstep
