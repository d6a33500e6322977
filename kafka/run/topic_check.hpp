#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "kafka/client/consumer.hpp"
#include "kafka/error.hpp"
#include "kafka/log.hpp"
#include "kafka/properties.hpp"
#include "kafka/run/last_record.hpp"

namespace lockstep::kafka {

/// What a partition goes on with is not there; says what is needed, and what is there.
class TopicChanged : public KafkaError {
 public:
  using KafkaError::KafkaError;
};

/// Throws TopicChanged unless there is an offset to go on with. `client`: to be asked again, since who has become a
/// partition's leader may not know its end for a moment.
void check_offset(const TopicPartition& partition, std::int64_t next, const Consumer::Offsets& there, Consumer& client);

/// Of an offset that a broker did not have when it was to be read: throws TopicChanged with what is there now.
[[noreturn]] void fail_of_gone_offset(const TopicPartition& partition, std::int64_t next, Consumer& client);

/// Throws TopicChanged if what a bounded run is to read, up to these ends, is not there any more: it would wait for
/// ever. What cannot be asked is told to the log.
void check_bounds(const std::map<TopicPartition, std::int64_t>& ends, Consumer& client, const Log& log);

/// Partitions that are read and have gone. A broker that starts may not know them yet.
class MissingPartitions {
 public:
  /// `counts`: how many partitions each topic has now. Throws TopicChanged of one that has not been there for 10 s.
  void look(const std::set<TopicPartition>& known, const std::map<std::string, std::int32_t>& counts);
  bool is_any() const { return since_.has_value(); }

 private:
  std::optional<std::chrono::steady_clock::time_point> since_;
};

/// Looks whether topics are still those that have been read: a topic that is made again has other records at the same
/// offsets, which the client takes for those that come next. One thread at a time.
class TopicCheck {
 public:
  /// The properties are those of who reads the topics.
  TopicCheck(Properties properties, std::string group, Log log);

  struct Known {
    TopicPartition name;
    std::int64_t next = 0;  // it has been read up to there
    // Some that were read before, the last one first. A place where there is none shows nothing: it may have been
    // compacted away, or be none of the topic that is there now; so the next one is looked for.
    std::vector<LastRecord> records;
  };
  /// Looks for one of these records of each partition. What is no more kept is none's harm; if nothing is at any of
  /// these places, though later records are there, the log is told, and the records are cleared. Throws TopicChanged if
  /// there is another record; if it cannot be seen for so long, or until it is to stop, it says why. `client`: to be
  /// asked.
  std::optional<std::string> look(std::vector<Known>& partitions, Consumer& client, const std::stop_token& stop,
                                  std::chrono::milliseconds patience);

 private:
  const Properties properties_;
  const std::string group_;
  const Log log_;
  std::unique_ptr<Consumer> consumer_;  // which waits for nothing meanwhile
};

}  // namespace lockstep::kafka
