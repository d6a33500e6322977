#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/steps/time.hpp"

namespace lockstep {

/// What is known of an input's event time, whatever its rows: up to a watermark all rows have been seen, and what is
/// dated before it is late. The watermark of a session is the latest timestamp it has pushed less the lateness.
class EventTimeBase {
 public:
  explicit EventTimeBase(Timestamp lateness) : lateness(lateness) {}
  virtual ~EventTimeBase() = default;

  Timestamp watermark(Timestamp latest) const {
    return latest < kNoTimestamp + lateness ? kNoTimestamp : latest - lateness;
  }
  /// The latest timestamp that has this watermark.
  Timestamp latest(Timestamp watermark) const {
    return watermark == kNoTimestamp ? kNoTimestamp : after(watermark, lateness);
  }
  /// The last of all, if it would be beyond.
  static Timestamp after(Timestamp timestamp, Timestamp span) {
    constexpr Timestamp kLast = std::numeric_limits<Timestamp>::max();
    return timestamp > kLast - span ? kLast : timestamp + span;
  }

  /// In the unit of the timestamps; not negative.
  const Timestamp lateness;
};

/// By which of its times a row is dated.
template <class R>
class EventTime : public EventTimeBase {
 public:
  using EventTimeBase::EventTimeBase;
  /// kNoTimestamp: it is not dated.
  virtual Timestamp of(const R& row) const = 0;
  /// Why it cannot be dated so; empty: it can.
  virtual std::string refusal(const R& row, Timestamp of_row) const = 0;
};

std::string late_reason(Timestamp watermark);
std::string too_far_ahead(Timestamp timestamp, Timestamp since, Timestamp most);

/// One pass over rows that a session has pushed, in their order, to find those that are late.
class Admission {
 public:
  /// By the session's own watermark. `latest`: of what it pushed before.
  Admission(const EventTimeBase& time, Timestamp latest) : time_(&time), latest_(latest) {}
  /// By this watermark.
  explicit Admission(Timestamp watermark) : watermark_(watermark) {}

  Timestamp watermark() const { return time_ == nullptr ? watermark_ : time_->watermark(latest_); }
  /// Whether a row that is dated so is admitted; then the watermark moves.
  bool admits(Timestamp timestamp) {
    if (timestamp < watermark()) return false;
    latest_ = std::max(latest_, timestamp);
    admitted_any_ = true;
    return true;
  }
  Timestamp latest() const { return latest_; }
  bool admitted_any() const { return admitted_any_; }

 private:
  const EventTimeBase* time_ = nullptr;
  Timestamp latest_ = kNoTimestamp;
  Timestamp watermark_ = kNoTimestamp;
  bool admitted_any_ = false;
};

/// Numbers the rows of a piece in their order, where the numbers of some are given.
class Places {
 public:
  explicit Places(std::uint64_t first) : next_(first) {}
  /// Before next().
  void take(std::uint64_t place) { taken_.push_back(place); }
  void sort();
  std::uint64_t next();

 private:
  std::uint64_t next_;
  std::vector<std::uint64_t> taken_;
  std::size_t passed_ = 0;
};

/// How far a session has come in an input's event time. Under the session's lock, and while it is sealed.
class StageTime {
 public:
  /// As pushed.
  Timestamp latest = kNoTimestamp;
  bool active = false;  // it holds the input's watermark back
  /// As sealed.
  Timestamp sealed_latest = kNoTimestamp;
  bool sealed_active = false;
  /// By which it counts among the input's sessions, while it is active.
  std::optional<Timestamp> counted;

  /// Memory for activate() and then deactivate(): these do not throw.
  void prepare() {
    if (!active) marks_.reserve(marks_.size() + 2);
  }
  void prepare_to_end() { marks_.reserve(marks_.size() + 1); }
  /// From this step on.
  void activate(std::uint64_t step) noexcept {
    if (!active) set(step, true);
  }
  void deactivate(std::uint64_t step) noexcept {
    if (active) set(step, false);
  }
  bool any_marks() const { return !marks_.empty(); }

  /// What is sealed for this step: the least timestamp of what is admitted, whatever the session's own watermark, given
  /// that of its input. Who was not active must not go behind it.
  Timestamp least(std::uint64_t step, Timestamp watermark);
  /// After that. `staged`: whether rows are left for later steps; `latest_sealed`: of the rows up to the step.
  void sealed(const EventTimeBase& time, bool staged, Timestamp latest_sealed);

 private:
  struct Mark {
    std::uint64_t step;
    bool active;
  };
  void set(std::uint64_t step, bool to) noexcept {
    active = to;
    marks_.push_back({step, to});
  }

  std::vector<Mark> marks_;         // that are not sealed
  Timestamp least_ = kNoTimestamp;  // of what is staged
};

}  // namespace lockstep
