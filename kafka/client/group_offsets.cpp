#include "kafka/client/group_offsets.hpp"

#include <fmt/format.h>

#include <optional>

#include "kafka/error.hpp"

namespace lockstep::kafka {

namespace {

struct Refusal {
  rd_kafka_resp_err_t code;
  std::string why;
};

/// The first.
std::optional<Refusal> refusal_in(rd_kafka_event_t* answer) {
  if (const auto code = rd_kafka_event_error(answer); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return Refusal{code, rd_kafka_event_error_string(answer)};
  }
  std::size_t count = 0;
  const rd_kafka_group_result_t** const groups =
      rd_kafka_AlterConsumerGroupOffsets_result_groups(rd_kafka_event_AlterConsumerGroupOffsets_result(answer), &count);
  for (std::size_t i = 0; i < count; ++i) {
    if (const rd_kafka_error_t* const error = rd_kafka_group_result_error(groups[i])) {
      return Refusal{rd_kafka_error_code(error), rd_kafka_error_string(error)};
    }
    const rd_kafka_topic_partition_list_t* const partitions = rd_kafka_group_result_partitions(groups[i]);
    for (int at = 0; at < partitions->cnt; ++at) {
      const rd_kafka_topic_partition_t& one = partitions->elems[at];
      if (one.err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      return Refusal{one.err, fmt::format("{}: {}", to_string(TopicPartition{one.topic, one.partition}),
                                          rd_kafka_err2str(one.err))};
    }
  }
  return std::nullopt;
}

/// Whether another broker may be who answers for the group.
bool is_elsewhere(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT: return true;
    default: return false;
  }
}

}  // namespace

GroupOffsets::GroupOffsets(rd_kafka_t* client, std::shared_ptr<ClientContext> context, std::string group)
    : client_(client), context_(std::move(context)), group_(std::move(group)), answers_(rd_kafka_queue_new(client)) {}

void GroupOffsets::show(const Offsets& next_offsets) {
  for (const auto& [partition, offset] : next_offsets) waiting_[partition] = offset;
  go_on(std::chrono::milliseconds(0));
}

void GroupOffsets::finish(std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds kLook{50};
  const auto until = std::chrono::steady_clock::now() + patience;
  while ((is_asking_ || (!waiting_.empty() && !was_refused_)) && std::chrono::steady_clock::now() < until) go_on(kLook);
}

/// Waits so long for an answer; then what has come meanwhile is asked for.
void GroupOffsets::go_on(std::chrono::milliseconds wait) {
  if (is_asking_) {
    const Handle<rd_kafka_event_t> answer(rd_kafka_queue_poll(answers_.get(), static_cast<int>(wait.count())));
    is_asking_ = answer == nullptr;
    if (answer != nullptr) note_answer(answer.get());
  }
  if (is_asking_ || waiting_.empty()) return;
  const Handle<rd_kafka_topic_partition_list_t> list(
      rd_kafka_topic_partition_list_new(static_cast<int>(waiting_.size())));
  asked_ = std::exchange(waiting_, {});
  for (const auto& [partition, offset] : asked_) {
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)->offset = offset;
  }
  const Handle<rd_kafka_AlterConsumerGroupOffsets_t> request(
      rd_kafka_AlterConsumerGroupOffsets_new(group_.c_str(), list.get()));
  rd_kafka_AlterConsumerGroupOffsets_t* one = request.get();
  rd_kafka_AlterConsumerGroupOffsets(client(), &one, 1, nullptr, answers_.get());
  is_asking_ = true;
}

void GroupOffsets::note_answer(rd_kafka_event_t* answer) {
  const std::optional<Refusal> refusal = refusal_in(answer);
  if (!refusal) {
    was_refused_ = false;
    return;
  }
  waiting_.merge(asked_);
  if (!std::exchange(was_refused_, true)) {
    context_->log(LogLevel::warning,
                  fmt::format("offsets of group '{}' could not be shown: {}; they are tried again, and "
                              "nothing depends on them",
                              group_, refusal->why));
  }
  if (is_elsewhere(refusal->code)) renew_client();
}

/// librdkafka 2.0 keeps who the coordinator of a group is, for as long as it asks it.
void GroupOffsets::renew_client() {
  Handle<rd_kafka_conf_t> configuration(rd_kafka_conf_dup(rd_kafka_conf(client_)));
  try {
    Client fresh = make_client(RD_KAFKA_PRODUCER, std::move(configuration), context_);
    answers_.reset(rd_kafka_queue_new(fresh.get()));
    fresh_ = std::move(fresh);
  } catch (const KafkaError&) {  // then by the one that there is
  }
}

}  // namespace lockstep::kafka
