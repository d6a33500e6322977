#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "kafka/client/consumer.hpp"
#include "kafka/log.hpp"
#include "kafka/run/last_record.hpp"
#include "kafka/source.hpp"
#include "kafka/status.hpp"

namespace lockstep::kafka {

/// Reads some partitions of a source, by a thread and a client of its own, into a session of each.
class PartitionReader {
 public:
  struct Options {
    std::string input;
    std::string group;
    std::chrono::milliseconds idle_after{0};
    bool until_end = false;
    std::size_t step_rows = 0;  // 0: there is no limit
    /// Of records that become one transaction, at most about so many bytes.
    std::size_t piece_bytes = 0;
    std::function<void(std::string_view)> on_point = {};
  };
  /// Where a partition is read from, and to.
  struct Partition {
    TopicPartition name;
    std::unique_ptr<Feed> feed;
    std::int64_t next = 0;
    std::optional<LastRecord> last = {};  // before `next`, if it is known
    std::int64_t end = 0;                 // with until_end
  };

  PartitionReader(Options options, const Properties& properties, DeadLetters& letters, Log log);

  // Any thread.

  /// Of the cluster; nothing is read from it.
  Consumer& consumer() { return consumer_; }
  /// REQUIRES: the client knows its topic.
  void add(Partition partition);
  std::size_t partitions() const { return count_.load(std::memory_order_relaxed); }
  /// Adds what is read, and what is left. `source`: of all that read it.
  void show(Status& status, TopicStatus& source) const;
  /// What was read of a partition, at least up to the cursor of any cut.
  struct Seen {
    TopicPartition name;
    std::int64_t next = 0;
    std::optional<LastRecord> first = {};  // since it was added
    std::optional<LastRecord> last = {};
  };
  void add_seen(std::vector<Seen>& seen) const;

  /// Until it is to stop, or has read all up to the ends. Throws KafkaError, StepFailed.
  void run(const std::stop_token& stop);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Reading : Partition {
    std::int64_t cursor = 0;
    std::int64_t counted = 0;                             // in the progress
    std::optional<std::chrono::nanoseconds> at_end = {};  // of looked_
    bool is_idle = false;
    bool is_touched = false;                    // there may be something to be committed
    std::optional<std::uint32_t> last_at = {};  // the last record, in the batch
    std::optional<LastRecord> first = {};
  };

  void take_added();
  void wait_for_letters(const std::stop_token& stop);
  void decode(const Consumer::Batch& batch, const std::stop_token& stop);
  bool is_piece() const;
  void commit();
  void commit(Reading& partition);
  void note_seen(const Reading& partition);
  void poll(Consumer::Batch& batch);
  bool has_read_all() const;
  void look_for_idle(std::size_t taken, bool may_be_more);
  void find_idle(std::chrono::nanoseconds as_of);
  void note_lags();

  const Options options_;
  Consumer consumer_;
  DeadLetters& letters_;
  std::vector<Reading> partitions_;
  std::vector<std::size_t> touched_;
  std::size_t uncommitted_ = 0;  // records
  // For how long it has looked for records: what it waited for room, or the process was stopped, does not count.
  std::chrono::nanoseconds looked_{0};
  std::size_t ahead_ = 0;  // records that had been fetched, and were not seen
  std::chrono::nanoseconds ahead_at_{0};
  std::atomic<std::size_t> count_{0};
  std::atomic<std::uint64_t> records_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> done_{0};

  mutable std::mutex mutex_;
  std::vector<Partition> added_;
  std::atomic<bool> any_added_{false};
  std::vector<PartitionStatus> lags_;  // as of a short while ago
  std::vector<Seen> seen_;             // by number
};

}  // namespace lockstep::kafka
