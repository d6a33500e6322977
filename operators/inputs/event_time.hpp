#pragma once

#include <chrono>
#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "operators/inputs/input.hpp"
#include "operators/inputs/keyed_table.hpp"
#include "runtime/faults/errors.hpp"
#include "runtime/flow/projection.hpp"
#include "runtime/intake/event_time.hpp"
#include "runtime/rows/shape.hpp"

namespace lockstep {

namespace timestamps {

template <class T>
concept Whole = shape::Integer<T> &&(std::signed_integral<T> || sizeof(T) < sizeof(Timestamp));
template <class T>
concept WholeDuration = shape::Duration<T> && Whole<typename T::rep>;
template <class T>
concept WholeTimePoint = shape::TimePoint<T> && WholeDuration<typename T::duration>;
template <class T>
concept Some = Whole<T> || WholeDuration<T> || WholeTimePoint<T>;
/// What may date a row; an empty optional does not.
template <class T>
inline constexpr bool fit = Some<T>;
template <class T>
inline constexpr bool fit<std::optional<T>> = Some<T>;

template <class T>
Timestamp from(const T& value) {
  if constexpr (shape::Optional<T>) {
    return value ? from(*value) : kNoTimestamp;
  } else if constexpr (shape::TimePoint<T>) {
    return from(value.time_since_epoch());
  } else if constexpr (shape::Duration<T>) {
    return static_cast<Timestamp>(value.count());
  } else {
    return static_cast<Timestamp>(value);
  }
}

template <class T>
struct UnitOf {
  using Type = Timestamp;
};
template <class T>
struct UnitOf<std::optional<T>> : UnitOf<T> {};
template <shape::Duration T>
struct UnitOf<T> {
  using Type = std::chrono::duration<Timestamp, typename T::period>;
};
template <shape::TimePoint T>
struct UnitOf<T> : UnitOf<typename T::duration> {};
/// In what spans of a time are counted.
template <class T>
using Unit = typename UnitOf<T>::Type;

/// A span in the unit of a time, rounded up.
template <class T, class Span>
concept SpanOf = (shape::Duration<Unit<T>> && WholeDuration<Span>) || (!shape::Duration<Unit<T>> && Whole<Span>);
template <class T, class Span>
Timestamp span(const Span& span) {
  if constexpr (shape::Duration<Span>) {
    return std::chrono::ceil<Unit<T>>(span).count();
  } else {
    return static_cast<Timestamp>(span);
  }
}

}  // namespace timestamps

/// How the rows of an input are dated: see event_time().
template <class Time, class Lateness, class Since = void, class Most = void>
struct EventTimeBy;

template <class Time, class Lateness>
struct EventTimeBy<Time, Lateness> {
  Time time;
  Lateness lateness;

  /// Rows that are dated more than `most` after another time of theirs, such as the one at which they came in, are
  /// malformed: they go to the ledger, and do not move the watermark, so that one row dated in the far future cannot
  /// make all others late.
  template <class Since, class Most>
  EventTimeBy<Time, Lateness, Since, Most> at_most(Most most, Since after) const {
    return {time, lateness, std::move(after), std::move(most)};
  }
};
template <class Time, class Lateness, class Since, class Most>
struct EventTimeBy {
  Time time;
  Lateness lateness;
  Since since;
  Most most;
};

/// Declares event time for an input: `flow.input<Trade>("trades", {}, event_time(&Trade::at, 5s))`. Rows are dated by a
/// field or function of theirs, a whole number, or a duration or time_point of <chrono>; a lateness is in the same
/// unit. A session's watermark is the latest time it has pushed less the lateness. A row that is dated before it is
/// late: it goes to the ledger, whatever other sessions push, and however steps are cut. The input's watermark is the
/// least of its sessions', and never goes back: Step::watermark. A change of a keyed table is late, too, if the row
/// that it would replace is dated before the watermark. A row that has no time (an empty optional, the least number) is
/// malformed.
template <class Time, class Lateness>
EventTimeBy<Time, Lateness> event_time(Time time, Lateness lateness) {
  return {std::move(time), std::move(lateness)};
}

/// As it is declared by a program.
template <class R, class Time, class Lateness, class Since, class Most>
class DeclaredEventTime final : public EventTime<R> {
 public:
  using By = EventTimeBy<Time, Lateness, Since, Most>;
  static constexpr bool kHasLimit = !std::is_void_v<Since>;

  static_assert(projection::Fits<false, Time, R>, "lockstep: event_time's function cannot be called with these rows");
  using T = projection::Result<false, Time, R>;
  static_assert(
      timestamps::fit<T>,
      "lockstep: event_time is a whole number of 64 bits, signed, or less, or a duration or time_point that is "
      "counted in such, or an optional of these");
  static_assert(timestamps::SpanOf<T, Lateness>, "lockstep: event_time's lateness is not in the unit of the time");

  DeclaredEventTime(const std::string& input, By by)
      : EventTime<R>(checked(input, timestamps::span<T>(by.lateness))), by_(std::move(by)) {
    if constexpr (kHasLimit) {
      static_assert(projection::Fits<false, Since, R>, "lockstep: at_most's function cannot be called with these rows");
      static_assert(std::same_as<timestamps::Unit<projection::Result<false, Since, R>>, timestamps::Unit<T>>,
                    "lockstep: the times that at_most compares are not in the same unit");
      static_assert(timestamps::SpanOf<T, Most>, "lockstep: at_most's span is not in the unit of the time");
      most_ = checked(input, timestamps::span<T>(by_.most));
    }
  }

  Timestamp of(const R& row) const override {
    Time time = by_.time;  // threads share it
    return timestamps::from<T>(projection::apply<false>(time, row));
  }
  std::string refusal(const R& row, Timestamp timestamp) const override {
    if (timestamp == kNoTimestamp) return "it has no event time";
    if constexpr (kHasLimit) {
      Since since = by_.since;
      const Timestamp from = timestamps::from(projection::apply<false>(since, row));
      if (from != kNoTimestamp && timestamp > this->after(from, most_)) return too_far_ahead(timestamp, from, most_);
    }
    return {};
  }

 private:
  static Timestamp checked(const std::string& input, Timestamp span) {
    if (span < 0) throw FlowError("input '" + input + "': a span of event time is negative");
    return span;
  }

  By by_;
  Timestamp most_ = 0;
};

namespace timestamps {
template <class R, class Time, class Lateness, class Since, class Most>
std::shared_ptr<const EventTime<R>> declare(const std::string& input,
                                            const EventTimeBy<Time, Lateness, Since, Most>& by) {
  return std::make_shared<const DeclaredEventTime<R, Time, Lateness, Since, Most>>(input, by);
}
}  // namespace timestamps

template <class R, class Time>
Input<R> Dataflow::input(std::string name, InputOptions options, const Time& event_time) {
  return add_dated_input<R>(description_, name, row_traits<R>::schema(), options,
                            timestamps::declare<R>(name, event_time));
}

template <class R, class KeyFunction, class Time>
auto Dataflow::table(std::string name, KeyFunction key_of, TableOptions options, const Time& event_time) {
  auto declared = timestamps::declare<R>(name, event_time);
  return add_table<R>(std::move(name), std::move(key_of), std::move(options), std::move(declared));
}

}  // namespace lockstep
