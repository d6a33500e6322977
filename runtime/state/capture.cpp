#include "runtime/state/capture.hpp"

#include <algorithm>

#include "runtime/state/segments.hpp"
#include "runtime/threads/fair_mutex.hpp"

namespace lockstep {

namespace {

constexpr std::size_t kErasedAtOnce = 256;

}  // namespace

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
    if (&range == ranges_.begin() && next_erased_ < erased_) {
      write_erased(std::min(erased_, next_erased_ + kErasedAtOnce));
    } else {
      table_->write_segment(*this, range);
    }
    if (window.is_over()) break;
  }
  return is_over();
}

void Capture::write_erased(std::size_t end) {
  const ErasedKeys& erased = table_->erased();
  for (; next_erased_ != end; ++next_erased_) {
    const std::uint64_t hash = Segments::hash_of(erased.tag(next_erased_));
    if (!has_only_changes(hash)) continue;
    Encoder item = erased_items_.at(hash);
    item.raw(erased.key(next_erased_));
    item.raw(vacant_);
  }
}

/// A key that was erased may have come again.
void Capture::save(StateWriter& out) const {
  out.append(erased_items_);
  for (const Range& range : ranges_) out.append(range.items_);
  for (SegmentHead* copy : copies_) {
    for (std::uint32_t i = 0; i < copy->capacity(); ++i) {
      const std::uint32_t* const tag = layout_.tag(copy, i);
      if (*tag != 0 && out.range().has(Segments::hash_of(*tag))) write(out, tag, *copy);
    }
  }
}

void Capture::add_copy(SegmentHead* copy) const {
  const std::lock_guard lock(copies_mutex_);
  copies_.push_back(copy);
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
