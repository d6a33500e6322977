#include "runtime/intake/event_time.hpp"

#include <fmt/format.h>

namespace lockstep {

std::string late_reason(Timestamp watermark) { return fmt::format("late: the watermark is {}", watermark); }

std::string too_far_ahead(Timestamp timestamp, Timestamp since, Timestamp most) {
  return fmt::format("its event time, {}, is more than {} after {}", timestamp, most, since);
}

void Places::sort() { std::sort(taken_.begin(), taken_.end()); }

std::uint64_t Places::next() {
  for (; passed_ != taken_.size() && taken_[passed_] <= next_; ++passed_) {
    if (taken_[passed_] == next_) ++next_;
  }
  return next_++;
}

Timestamp StageTime::least(std::uint64_t step, Timestamp watermark) {
  bool was_active = sealed_active;
  const auto later = std::find_if(marks_.begin(), marks_.end(), [step](const Mark& mark) { return mark.step > step; });
  for (auto mark = marks_.begin(); mark != later; ++mark) {
    if (mark->active) was_active = false;
    sealed_active = mark->active;
  }
  marks_.erase(marks_.begin(), later);
  if (!was_active) least_ = std::max(least_, watermark);
  return least_;
}

void StageTime::sealed(const EventTimeBase& time, bool staged, Timestamp latest_sealed) {
  latest = std::max(latest, time.latest(least_));
  sealed_latest = staged ? std::max(latest_sealed, time.latest(least_)) : latest;
  if (!staged) least_ = kNoTimestamp;
}

}  // namespace lockstep
