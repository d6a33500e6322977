#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kafka/error.hpp"
#include "kafka/log.hpp"
#include "kafka/properties.hpp"
#include "kafka/record.hpp"

struct rd_kafka_message_s;

namespace lockstep::kafka {

/// What is to be read from some offset on is not there.
class OffsetGone : public KafkaError {
 public:
  OffsetGone(const std::string& what, std::size_t number) : KafkaError(what), number_(number) {}
  /// Of the partition's assignment.
  std::size_t number() const { return number_; }

 private:
  std::size_t number_;
};

/// Reads partitions that are given to it by hand. One thread at a time.
class Consumer {
  struct Impl;

 public:
  /// What it sets, unless the user does.
  static const Properties& defaults();

  /// `group`: whose offsets it commits, for others to look at. Throws KafkaError.
  Consumer(const Properties& properties, const std::string& group, Log log = {});
  Consumer(const Consumer&) = delete;
  ~Consumer();

  // Questions may be asked by any thread.

  /// How long an answer is waited for; 30 seconds, unless it is said.
  void answer_within(std::chrono::milliseconds time);
  /// How many partitions a topic has. Throws NoTopic; KafkaError if there is no answer.
  std::int32_t partitions(const std::string& topic);
  struct Offsets {
    std::int64_t first = 0;  // the first that is there
    std::int64_t end = 0;    // after the last: the high watermark
  };
  std::vector<Offsets> offsets(const std::vector<TopicPartition>& partitions);
  Offsets offsets(const TopicPartition& partition) { return offsets(std::vector{partition}).front(); }
  /// The end as the client has heard of it last, without asking.
  std::int64_t known_end(const TopicPartition& partition);
  /// The topics of the cluster, but those that are Kafka's own.
  std::vector<std::string> topics();
  /// What its group has committed of each partition, if it has.
  std::vector<std::optional<std::int64_t>> committed(const std::vector<TopicPartition>& partitions);
  /// Of the first record of each partition that is not before a time, in milliseconds, if there is one.
  std::vector<std::optional<std::int64_t>> offsets_at(const std::vector<TopicPartition>& partitions,
                                                      std::int64_t timestamp);

  struct Assignment {
    TopicPartition partition;
    std::int64_t offset = 0;
    std::size_t number = 0;
  };
  /// Who leads a topic's partitions. One that it has not heard of it looks for once a second only, when it is to read
  /// it. Throws KafkaError if there is no such topic, or no answer.
  void know(const std::string& topic) { (void)partitions(topic); }
  /// Reads these as well, from there on. Records of one have its number. REQUIRES: it reads none of them.
  void add(const std::vector<Assignment>& partitions);
  /// Reads it no more; some of it may still come.
  void remove(const TopicPartition& partition);

  /// What was read at once: of each partition in the order of offsets. Any thread may look. Goes before its consumer.
  class Batch {
   public:
    Batch() = default;
    Batch(const Batch&) = delete;
    ~Batch() { clear(); }

    bool empty() const { return numbers_.empty(); }
    std::size_t size() const { return numbers_.size(); }
    void clear() noexcept;
    /// Of the partition.
    std::size_t number(std::size_t at) const { return numbers_[at]; }
    /// Otherwise the partition's end was reached, for now.
    bool is_record(std::size_t at) const;
    /// REQUIRES: it is one.
    RecordView record(std::size_t at) const;
    /// The offset of the record; or of the next, if it is none.
    std::int64_t offset(std::size_t at) const;

   private:
    friend class Consumer;
    std::vector<rd_kafka_message_s*> messages_;
    std::vector<std::size_t> numbers_;
    const Impl* impl_ = nullptr;
  };
  /// Waits for records, and has at most so many in a batch, in the place of what that had. Throws KafkaError of what
  /// will not heal, which names the topic-partition; OffsetGone.
  void poll(std::chrono::milliseconds wait, std::size_t most, Batch& batch);

  /// How many records wait to be polled.
  std::size_t queued() const;

  /// For others to look at; does not wait, but for the last ones when the client goes, a short while. What could not be
  /// committed is tried again with the next ones, or none. One thread at a time.
  void commit(const std::vector<std::pair<TopicPartition, std::int64_t>>& next_offsets);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockstep::kafka
