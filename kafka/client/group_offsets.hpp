#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kafka/client/handles.hpp"
#include "kafka/record.hpp"

namespace lockstep::kafka {

/// Shows how far a group is, for others to look at, with one request at a time. Offsets are set as an administrator
/// does, since a client that is closed waits a minute for an answer to a commit if its broker has gone. What was
/// refused is told once, and shown with the next ones, or none. One thread at a time.
class GroupOffsets {
 public:
  using Offsets = std::vector<std::pair<TopicPartition, std::int64_t>>;

  /// By this client, which it goes before.
  GroupOffsets(rd_kafka_t* client, std::shared_ptr<ClientContext> context, std::string group);

  /// Does not wait.
  void show(const Offsets& next_offsets);
  /// Waits so long until the last ones are shown, unless they were refused.
  void finish(std::chrono::milliseconds patience);

 private:
  rd_kafka_t* client() const { return fresh_ != nullptr ? fresh_.get() : client_; }
  void go_on(std::chrono::milliseconds wait);
  void note_answer(rd_kafka_event_t* answer);
  void renew_client();

  rd_kafka_t* const client_;
  const std::shared_ptr<ClientContext> context_;
  const std::string group_;
  Client fresh_;  // since the group has had another coordinator
  Handle<rd_kafka_queue_t> answers_;
  std::map<TopicPartition, std::int64_t> waiting_;
  std::map<TopicPartition, std::int64_t> asked_;  // what the answer is about
  bool is_asking_ = false;
  bool was_refused_ = false;  // the last time
};

}  // namespace lockstep::kafka
