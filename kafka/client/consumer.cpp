#include "kafka/client/consumer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "kafka/client/handles.hpp"
#include "kafka/error.hpp"

namespace lockstep::kafka {

namespace {

std::string_view bytes(const void* data, std::size_t size) { return {static_cast<const char*>(data), size}; }

}  // namespace

std::string to_string(const TopicPartition& partition) {
  return fmt::format("{}[{}]", partition.topic, partition.partition);
}

void RecordView::for_each_header(
    FunctionRef<void(std::string_view name, std::optional<std::string_view> value)> function) const {
  if (headers == nullptr) return;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(static_cast<const rd_kafka_headers_t*>(headers), i, &name, &value,
                                                  &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    function(name, value == nullptr ? std::nullopt : std::optional(bytes(value, size)));
  }
}

struct Consumer::Impl {
  Handle<rd_kafka_t> client;
  Handle<rd_kafka_queue_t> queue;
  std::vector<rd_kafka_message_t*> messages;
  std::map<TopicPartition, std::size_t> numbers;
  // The partition of the last record, since the next is mostly of the same.
  const rd_kafka_topic_t* last_topic = nullptr;
  std::int32_t last_partition = 0;
  std::size_t last_number = 0;

  std::size_t number_of(const rd_kafka_message_t& message) {
    if (message.rkt == last_topic && message.partition == last_partition) return last_number;
    const TopicPartition partition{rd_kafka_topic_name(message.rkt), message.partition};
    last_topic = message.rkt;
    last_partition = message.partition;
    return last_number = numbers.at(partition);
  }
};

const Properties& Consumer::defaults() {
  static const Properties properties = {
      // Offsets that are gone are an error, not another place to read from.
      {"auto.offset.reset", "error"},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"enable.partition.eof", "true"},
      {"isolation.level", "read_committed"},
      {"check.crcs", "true"},
      // A queue that is over its bound is not fetched for a second: so the bound is bytes, not messages.
      {"queued.min.messages", "10000000"},
      {"queued.max.messages.kbytes", "65536"},
      {"fetch.wait.max.ms", "10"},
      // It waits while steps do.
      {"max.poll.interval.ms", "86400000"},
      {"fetch.error.backoff.ms", "10"},
  };
  return properties;
}

Consumer::Consumer(const Properties& properties, const std::string& group) : impl_(std::make_unique<Impl>()) {
  Properties own = defaults();
  own["group.id"] = group;
  impl_->client = make_client(RD_KAFKA_CONSUMER, make_configuration(own, properties));
  rd_kafka_poll_set_consumer(impl_->client.get());
  impl_->queue.reset(rd_kafka_queue_get_consumer(impl_->client.get()));
}

Consumer::~Consumer() {
  if (impl_->client == nullptr) return;
  impl_->queue.reset();
  rd_kafka_consumer_close(impl_->client.get());
}

std::int32_t Consumer::partitions(const std::string& topic) { return partitions_of(impl_->client.get(), topic); }

Consumer::Offsets Consumer::offsets(const TopicPartition& partition) {
  Offsets found;
  ask("offsets of " + to_string(partition), [&] {
    return rd_kafka_query_watermark_offsets(impl_->client.get(), partition.topic.c_str(), partition.partition,
                                            &found.first, &found.end, kAnswerMs);
  });
  return found;
}

std::int64_t Consumer::offset_at(const TopicPartition& partition, std::int64_t timestamp) {
  const Handle<rd_kafka_topic_partition_list_t> list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition);
  ask("the offset of a time in " + to_string(partition), [&] {
    list->elems[0].offset = timestamp;
    const auto error = rd_kafka_offsets_for_times(impl_->client.get(), list.get(), kAnswerMs);
    return error != RD_KAFKA_RESP_ERR_NO_ERROR ? error : list->elems[0].err;
  });
  return list->elems[0].offset < 0 ? offsets(partition).end : list->elems[0].offset;
}

void Consumer::add(const TopicPartition& partition, std::int64_t offset, std::size_t number) {
  const Handle<rd_kafka_topic_partition_list_t> list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)->offset = offset;
  impl_->numbers[partition] = number;
  rd_kafka_error_t* const error = rd_kafka_incremental_assign(impl_->client.get(), list.get());
  if (error == nullptr) return;
  const std::string why = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  throw KafkaError(fmt::format("{} cannot be read: {}", to_string(partition), why));
}

std::size_t Consumer::poll(std::chrono::milliseconds wait, std::size_t most, FunctionRef<void(const Read&)> function) {
  std::vector<rd_kafka_message_t*>& messages = impl_->messages;
  messages.resize(most);
  const ssize_t count =
      rd_kafka_consume_batch_queue(impl_->queue.get(), static_cast<int>(wait.count()), messages.data(), most);
  if (count <= 0) return 0;
  struct Destroy {
    std::vector<rd_kafka_message_t*>& messages;
    std::size_t count;
    ~Destroy() {
      for (std::size_t i = 0; i < count; ++i) rd_kafka_message_destroy(messages[i]);
    }
  } const destroy{messages, static_cast<std::size_t>(count)};
  for (std::size_t i = 0; i < destroy.count; ++i) {
    const rd_kafka_message_t& message = *messages[i];
    if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      function({impl_->number_of(message), nullptr, message.offset});
      continue;
    }
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      // What the client retries by itself is told, too.
      if (message.err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || message.err == RD_KAFKA_RESP_ERR__TRANSPORT ||
          message.err == RD_KAFKA_RESP_ERR__RESOLVE) {
        continue;
      }
      const std::string place = message.rkt == nullptr
                                    ? "consumer"
                                    : to_string(TopicPartition{rd_kafka_topic_name(message.rkt), message.partition});
      throw KafkaError(fmt::format("{}, offset {}: {}", place, message.offset, rd_kafka_message_errstr(&message)));
    }
    RecordView record;
    record.topic = rd_kafka_topic_name(message.rkt);
    record.partition = message.partition;
    record.offset = message.offset;
    if (message.key != nullptr) record.key = bytes(message.key, message.key_len);
    if (message.payload != nullptr) record.value = bytes(message.payload, message.len);
    rd_kafka_timestamp_type_t kind{};
    record.timestamp = rd_kafka_message_timestamp(&message, &kind);
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) record.headers = headers;
    function({impl_->number_of(message), &record, 0});
  }
  return destroy.count;
}

void Consumer::commit(const std::vector<std::pair<TopicPartition, std::int64_t>>& next_offsets) {
  if (next_offsets.empty()) return;
  const Handle<rd_kafka_topic_partition_list_t> list(
      rd_kafka_topic_partition_list_new(static_cast<int>(next_offsets.size())));
  for (const auto& [partition, offset] : next_offsets) {
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)->offset = offset;
  }
  (void)rd_kafka_commit(impl_->client.get(), list.get(), 1);
}

}  // namespace lockstep::kafka
