#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kafka/log.hpp"
#include "kafka/run/partition_reader.hpp"
#include "kafka/run/topic_check.hpp"
#include "kafka/source.hpp"
#include "kafka/status.hpp"
#include "runtime/runtime.hpp"

namespace lockstep::kafka {

/// Reads the partitions of one source, by several threads that each read some of them. A partition has a session of
/// its own, whose cursor is the next offset.
class Reader {
 public:
  /// While it runs: who is to stop does not wait for what can be asked again.
  static constexpr std::chrono::seconds kPatience{3};

  struct Options {
    PartitionReader::Options part;
    Topics topics;
    SourceOptions source;
    unsigned threads = 1;
    std::chrono::milliseconds partitions_every{0};
    bool has_state = false;
  };

  Reader(Runtime& runtime, Options options, const Properties& properties, MakeFeed make_feed, Log log);
  ~Reader();

  /// Opens the sessions of all partitions, and has their cursors where they are read from. Throws KafkaError if what a
  /// cursor needs is not there any more.
  void open();
  /// Reads until it is told to stop, or has read what there was when it was opened. Throws KafkaError, StepFailed; what
  /// it is to throw it tells at once, since partitions that wait for room are waited for.
  void run(const std::stop_token& stop, const std::function<void(std::exception_ptr)>& tell);

  /// What it has refused and has to go to a topic, if there is one.
  DeadLetters& dead_letters() { return dead_letters_; }
  // Any thread.

  /// Adds to a status: what is read, and what is left.
  void show(Status& status) const;
  /// Looks whether topics are still those that were read up to any cut so far. Throws TopicChanged if not; says why it
  /// could not be seen for so long, or until it is to stop.
  std::optional<std::string> check_topics(const std::stop_token& stop, std::chrono::milliseconds patience);
  /// Shows the cursors of a cut as offsets of the group.
  void show(const std::vector<SessionCursor>& cut);

 private:
  PartitionReader& make_part();
  void make_parts(std::size_t partitions);
  /// Of the topics that are there.
  std::map<std::string, std::int32_t> partition_counts();
  void open(const TopicPartition& partition, const Consumer::Offsets& there, std::int64_t start);
  void warn_of_lost_state();
  void tell_refused(const std::string& what);
  /// What may have changed beside what is read.
  void look_again(const std::stop_token& stop);
  void look_for_partitions(const std::stop_token& stop);
  void check_opened();

  Runtime& runtime_;
  const Options options_;
  const MakeFeed make_feed_;
  const std::string prefix_;  // of its sessions' names
  const Properties properties_;
  DeadLetters dead_letters_;
  const std::function<void(const std::string&)> on_refused_;
  std::atomic<std::uint64_t> told_{0};  // of what is refused
  const Log log_;
  mutable std::mutex shown_mutex_;                       // of what is shown: one thread changes it, others look
  std::vector<std::unique_ptr<PartitionReader>> parts_;  // one at least
  std::map<std::uint64_t, TopicPartition> shown_;        // by session
  Consumer& client_;                                     // of the first part, to be asked
  std::vector<PartitionReader::Partition> opened_;       // on their way to who reads them
  std::set<TopicPartition> known_;
  std::shared_ptr<Session> marker_;  // of a pattern: that it was opened, in checkpoints
  std::uint64_t until_end_ = 0;
  std::map<TopicPartition, std::int64_t> ends_;  // of a bounded run
  MissingPartitions missing_;

  struct Checked {
    std::int64_t next = 0;
    std::vector<LastRecord> records = {};  // the last first: looked for when more has been read
  };
  std::mutex check_mutex_;
  TopicCheck check_;
  std::map<TopicPartition, Checked> checked_;
};

}  // namespace lockstep::kafka
