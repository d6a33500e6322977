#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kafka/record.hpp"

namespace lockstep::kafka {

struct PartitionStatus {
  std::string input;
  TopicPartition partition;
  std::int64_t next = 0;  // offset to be read
  std::int64_t end = 0;   // as far as is known
  std::int64_t lag() const { return end > next ? end - next : 0; }
};
struct TopicStatus {
  std::string name;   // of the input or output
  std::string topic;  // a pattern is as it was given
  std::uint64_t records = 0;
  std::uint64_t refused = 0;  // of a source
};

/// How far a run is.
struct Status {
  std::uint64_t step = 0;
  std::uint64_t rows = 0;  // in all steps
  std::chrono::nanoseconds step_time{0};
  std::uint64_t state_bytes = 0;
  std::uint64_t records_read = 0;
  std::uint64_t records_refused = 0;
  std::uint64_t records_written = 0;  // but dead letters
  std::uint64_t lag = 0;              // offsets of all partitions that have not been read, as far as is known
  std::uint64_t last_checkpoint = 0;  // its step; 0: there was none
  std::uint64_t last_commit = 0;      // the step up to which all is written
  std::optional<std::chrono::nanoseconds> since_checkpoint = {};
  std::optional<std::chrono::nanoseconds> since_commit = {};
  // With Settings::until_end: how many offsets there were at the start, and how many of them have been read.
  std::uint64_t until_end = 0;
  std::uint64_t until_end_done = 0;
  std::vector<TopicStatus> sources = {};
  std::vector<TopicStatus> sinks = {};
  std::vector<PartitionStatus> partitions = {};
};

}  // namespace lockstep::kafka
