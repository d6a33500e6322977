#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "kafka/client/consumer.hpp"
#include "kafka/source.hpp"
#include "runtime/runtime.hpp"

namespace lockstep::kafka {

/// Reads the partitions of one source, each into a session of its own, whose cursor is the next offset.
class Reader {
 public:
  using MakeFeed = std::function<std::unique_ptr<Feed>(std::shared_ptr<Session>, BadRecords)>;
  struct Options {
    std::string input;
    std::string topic;
    SourceOptions source;
    std::string group;
    std::chrono::milliseconds partitions_every{0};
    bool until_end = false;
    std::size_t step_rows = 0;  // 0: there is no limit
  };

  Reader(Runtime& runtime, Options options, const Properties& properties, MakeFeed make_feed);

  /// Opens the sessions of all partitions, and has their cursors where they are read from. Throws KafkaError if what a
  /// cursor needs is not there any more.
  void open();
  /// Reads until it is told to stop, or has read what there was when it was opened. Throws KafkaError, StepFailed.
  void run(const std::stop_token& stop);

  /// Any thread.
  std::uint64_t records() const { return records_.load(std::memory_order_relaxed); }
  /// Shows the cursors of a cut as offsets of the group. Any thread.
  void show(const std::vector<SessionCursor>& cut);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Partition {
    TopicPartition name;
    std::unique_ptr<Feed> feed;
    std::int64_t next = 0;
    std::int64_t cursor = 0;
    std::int64_t end = 0;  // when it was opened
    std::optional<Time> at_end = {};
    bool is_idle = false;
  };

  void open(std::int32_t partition, bool is_known);
  std::int64_t start_of(const TopicPartition& partition);
  void check_offset(const TopicPartition& partition, std::int64_t next);
  void look_for_partitions();
  void commit(Partition& partition);
  void find_idle(Time now);
  bool has_read_all() const;

  Runtime& runtime_;
  const Options options_;
  const MakeFeed make_feed_;
  Consumer consumer_;
  std::vector<Partition> partitions_;
  std::atomic<std::uint64_t> records_{0};

  std::mutex shown_mutex_;
  std::map<std::uint64_t, TopicPartition> shown_;  // by session
};

}  // namespace lockstep::kafka
