#include "runtime/state/capture.hpp"

#include "runtime/state/segments.hpp"

namespace lockstep {

Capture::~Capture() {
  if (table_ != nullptr) table_->end_capture();
}

void Capture::keep() {
  source_->keep(*this);
}

void Capture::advance(Deadline until) {
  while (table_ != nullptr) {
    if (!write_erased(erased_)) table_->write_segment(*this);
    if (std::chrono::steady_clock::now() >= until) break;
  }
  if (failure_ != nullptr) std::rethrow_exception(failure_);
}

}  // namespace lockstep
