#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <span>
#include <stop_token>
#include <string_view>

#include "kafka/record.hpp"
#include "runtime/steps/step.hpp"
#include "runtime/zset/function_ref.hpp"

namespace lockstep::kafka {

/// The records that a source refuses, as they were, until the step is written to whose cut they belong: so they go to a
/// topic of dead letters with the rest of what it gives. Any thread.
class DeadLetters {
 public:
  /// `session`: of the partition, whose cursor will move beyond the record.
  void add(std::uint64_t session, const RecordView& record, std::string_view reason);
  /// Whether there are not too many bytes of them.
  bool has_room();
  /// Waits so long for that, or until it is to stop. Not before their cursors have moved.
  void wait_for_room(const std::stop_token& stop, std::chrono::milliseconds time);
  /// Calls function with those that are before the cursors of a step, in the order of offsets in each session. They
  /// have headers that say why they were refused, and where they came from.
  void take(std::span<const SessionCursor> cut, FunctionRef<void(const NewRecord&)> function);

 private:
  static std::size_t bytes_of(const RawRecord& record);

  std::mutex mutex_;
  std::condition_variable_any room_;
  std::size_t bytes_ = 0;
  std::map<std::uint64_t, std::deque<RawRecord>> records_;
};

}  // namespace lockstep::kafka
