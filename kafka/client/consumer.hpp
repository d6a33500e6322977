#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kafka/client/properties.hpp"
#include "kafka/record.hpp"
#include "runtime/zset/function_ref.hpp"

namespace lockstep::kafka {

struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
};
/// `orders[3]`.
std::string to_string(const TopicPartition& partition);

/// Reads partitions that are given to it by hand. One thread at a time.
class Consumer {
 public:
  /// What it sets, unless the user does.
  static const Properties& defaults();

  /// `group`: whose offsets it commits, for others to look at. Throws KafkaError.
  Consumer(const Properties& properties, const std::string& group);
  Consumer(const Consumer&) = delete;
  ~Consumer();

  /// How many partitions a topic has. Throws KafkaError if there is no such topic, or no answer.
  std::int32_t partitions(const std::string& topic);
  struct Offsets {
    std::int64_t first = 0;  // the first that is there
    std::int64_t end = 0;    // after the last: the high watermark
  };
  Offsets offsets(const TopicPartition& partition);
  /// Of the first record that is not before a time, in milliseconds; the end if there is none.
  std::int64_t offset_at(const TopicPartition& partition, std::int64_t timestamp);

  /// Reads this one as well, from there on. Records of it have this number.
  void add(const TopicPartition& partition, std::int64_t offset, std::size_t number);

  /// What was read of a partition.
  struct Read {
    std::size_t number;  // of the partition
    const RecordView* record = nullptr;
    /// If there is no record: its end was reached, for now, and this is the next offset.
    std::int64_t end = 0;
  };
  /// Waits for records, and calls function for each, at most so many: partition by partition in the order of offsets.
  /// Records are there until it returns. Throws KafkaError of what will not heal, which names the topic-partition.
  std::size_t poll(std::chrono::milliseconds wait, std::size_t most, FunctionRef<void(const Read&)> function);

  /// For others to look at; does not wait.
  void commit(const std::vector<std::pair<TopicPartition, std::int64_t>>& next_offsets);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockstep::kafka
