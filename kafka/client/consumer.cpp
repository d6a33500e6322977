#include "kafka/client/consumer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "kafka/client/group_offsets.hpp"
#include "kafka/client/handles.hpp"
#include "kafka/error.hpp"

namespace lockstep::kafka {

namespace {

std::string_view bytes(const void* data, std::size_t size) { return {static_cast<const char*>(data), size}; }

/// Of a message: that they are parsed only if somebody asks for them.
void walk_headers(const void* of, RecordView::Header function) {
  rd_kafka_headers_t* headers = nullptr;
  const auto* const message = static_cast<const rd_kafka_message_t*>(of);
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    function(name, value == nullptr ? std::nullopt : std::optional(bytes(value, size)));
  }
}

TimestampKind kind_of(rd_kafka_timestamp_type_t type) {
  switch (type) {
    case RD_KAFKA_TIMESTAMP_CREATE_TIME: return TimestampKind::create;
    case RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME: return TimestampKind::append;
    default: return TimestampKind::none;
  }
}

}  // namespace

struct Consumer::Impl {
  std::shared_ptr<ClientContext> context;
  Client client;
  Handle<rd_kafka_queue_t> queue;
  std::map<TopicPartition, std::size_t> numbers;
  std::vector<const TopicPartition*> read;  // by number
  // The partition of the last record, since the next is mostly of the same.
  const rd_kafka_topic_t* last_topic = nullptr;
  std::int32_t last_partition = 0;
  std::size_t last_number = 0;
  // Of the queue of what was fetched: up to where it is filled, and whether it has come near that since the last wake.
  std::size_t bound_messages = 0;
  std::size_t bound_bytes = 0;
  bool was_full = false;
  std::size_t woken = 0;  // the number of the partition that comes next
  std::string group;
  std::optional<GroupOffsets> shown;

  std::size_t number_of(const rd_kafka_message_t& message) {
    if (message.rkt == last_topic && message.partition == last_partition) return last_number;
    const TopicPartition partition{rd_kafka_topic_name(message.rkt), message.partition};
    last_topic = message.rkt;
    last_partition = message.partition;
    return last_number = numbers.at(partition);
  }

  void throw_unless_transient(const rd_kafka_message_t& message);
  void note_queue(const std::vector<rd_kafka_message_t*>& taken);
  void wake_fetching();
};

namespace {

std::size_t number(const rd_kafka_conf_t* configuration, const char* property) {
  char text[32];
  std::size_t size = sizeof text;
  return rd_kafka_conf_get(configuration, property, text, &size) == RD_KAFKA_CONF_OK ? std::stoul(text) : 0;
}

/// Of a message on average, key and value, by the first of those that are there.
std::size_t bytes_of_one(const std::vector<rd_kafka_message_t*>& messages) {
  constexpr std::size_t kSome = 64;
  const std::size_t some = std::min(kSome, messages.size());
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < some; ++i) bytes += messages[i]->len + messages[i]->key_len;
  return bytes / std::max<std::size_t>(some, 1);
}

}  // namespace

/// The client does not notice that its queue has room again, but when it has something else to do, or after a second.
void Consumer::Impl::note_queue(const std::vector<rd_kafka_message_t*>& taken) {
  const std::size_t waiting = rd_kafka_queue_length(queue.get());
  const std::size_t bytes = bytes_of_one(taken);
  const auto is_over = [&](std::size_t queued, std::size_t quarters) {
    return 4 * queued >= quarters * bound_messages || 4 * queued * bytes >= quarters * bound_bytes;
  };
  was_full |= is_over(waiting + taken.size(), 3);
  if (was_full && !is_over(waiting, 2)) {
    was_full = false;
    wake_fetching();
  }
}

/// Asks the leaders of some partitions for anything, since what asks is what fetches: of others when it comes to it
/// again. An answer that does not come is none's loss.
void Consumer::Impl::wake_fetching() {
  constexpr int kWaitMs = 20;
  constexpr std::size_t kSome = 8;
  const std::size_t some = std::min(kSome, read.size());
  const Handle<rd_kafka_topic_partition_list_t> list(rd_kafka_topic_partition_list_new(static_cast<int>(some)));
  for (std::size_t i = 0; i < some; ++i) {
    const TopicPartition* const name = read[woken++ % read.size()];
    if (name == nullptr) continue;  // a number that nothing has
    rd_kafka_topic_partition_list_add(list.get(), name->topic.c_str(), name->partition)->offset = RD_KAFKA_OFFSET_END;
  }
  if (list->cnt != 0) (void)rd_kafka_offsets_for_times(client.get(), list.get(), kWaitMs);
}

/// What the client retries by itself is told, too; that there is no such partition may be that not all brokers know it
/// yet; and nothing that is read depends on the group.
void Consumer::Impl::throw_unless_transient(const rd_kafka_message_t& message) {
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: return;
    default: break;
  }
  if (message.rkt == nullptr && message.err != RD_KAFKA_RESP_ERR__FATAL) {
    context->log(LogLevel::warning,
                 fmt::format("consumer of group '{}': {}", group, rd_kafka_message_errstr(&message)));
    return;
  }
  const std::string place = message.rkt == nullptr
                                ? "consumer"
                                : to_string(TopicPartition{rd_kafka_topic_name(message.rkt), message.partition});
  const std::string what = fmt::format("{}, offset {}: {}", place, message.offset, rd_kafka_message_errstr(&message));
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && message.rkt != nullptr) {
    throw OffsetGone(what, number_of(message));
  }
  throw KafkaError(what);
}

const Properties& Consumer::defaults() {
  static const Properties properties = {
      // Offsets that are gone are an error, not another place to read from.
      {"auto.offset.reset", "error"},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"enable.partition.eof", "true"},
      {"isolation.level", "read_committed"},
      {"check.crcs", "true"},
      // A small message takes some hundreds of bytes beside its own.
      {"queued.min.messages", "200000"},
      {"queued.max.messages.kbytes", "16384"},
      {"fetch.wait.max.ms", "10"},
      // It waits while steps do.
      {"max.poll.interval.ms", "86400000"},
      {"fetch.error.backoff.ms", "10"},
      {"reconnect.backoff.max.ms", "1000"},
  };
  return properties;
}

Consumer::Consumer(const Properties& properties, const std::string& group, Log log) : impl_(std::make_unique<Impl>()) {
  impl_->context = std::make_shared<ClientContext>(std::move(log));
  for (const char* name :
       {"group.id", "auto.offset.reset", "enable.auto.commit", "enable.auto.offset.store", "enable.partition.eof"}) {
    if (properties.contains(name)) {
      throw KafkaError(fmt::format("property '{}' is the application's to set: see Start, and its name", name));
    }
  }
  Properties own = defaults();
  own["group.id"] = group;
  impl_->client = make_client(RD_KAFKA_CONSUMER, make_configuration(own, properties, *impl_->context), impl_->context);
  const rd_kafka_conf_t* const configuration = rd_kafka_conf(impl_->client.get());
  impl_->bound_messages = number(configuration, "queued.min.messages");
  impl_->bound_bytes = number(configuration, "queued.max.messages.kbytes") << 10;
  impl_->group = group;
  impl_->shown.emplace(impl_->client.get(), impl_->context, group);
  rd_kafka_poll_set_consumer(impl_->client.get());
  impl_->queue.reset(rd_kafka_queue_get_consumer(impl_->client.get()));
}

Consumer::~Consumer() {
  constexpr std::chrono::seconds kPatience{2};
  impl_->shown->finish(kPatience);
}

std::int32_t Consumer::partitions(const std::string& topic) { return partitions_of(impl_->client.get(), topic); }

void Consumer::answer_within(std::chrono::milliseconds time) {
  impl_->context->answer_ms = static_cast<int>(time.count());
}

std::int64_t Consumer::known_end(const TopicPartition& partition) {
  Offsets found;
  const auto error = rd_kafka_get_watermark_offsets(impl_->client.get(), partition.topic.c_str(), partition.partition,
                                                    &found.first, &found.end);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR && found.end > 0 ? found.end : 0;
}

std::vector<Consumer::Offsets> Consumer::offsets(const std::vector<TopicPartition>& partitions) {
  const auto first = offsets_at(partitions, RD_KAFKA_OFFSET_BEGINNING);
  const auto end = offsets_at(partitions, RD_KAFKA_OFFSET_END);
  std::vector<Offsets> found;
  found.reserve(partitions.size());
  for (std::size_t i = 0; i < partitions.size(); ++i) found.push_back({first[i].value_or(0), end[i].value_or(0)});
  return found;
}

std::vector<std::optional<std::int64_t>> Consumer::offsets_at(const std::vector<TopicPartition>& partitions,
                                                              std::int64_t timestamp) {
  rd_kafka_t* const client = impl_->client.get();
  return ask_offsets(client, "offsets of", partitions, [&](rd_kafka_topic_partition_list_t* list, int most) {
    for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = timestamp;
    return rd_kafka_offsets_for_times(client, list, most);
  });
}

std::vector<std::optional<std::int64_t>> Consumer::committed(const std::vector<TopicPartition>& partitions) {
  rd_kafka_t* const client = impl_->client.get();
  return ask_offsets(
      client, "the committed offset of", partitions,
      [&](rd_kafka_topic_partition_list_t* list, int most) { return rd_kafka_committed(client, list, most); });
}

void Consumer::add(const std::vector<Assignment>& partitions) {
  const Handle<rd_kafka_topic_partition_list_t> list(
      rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  impl_->last_topic = nullptr;  // its number may be another one
  for (const auto& [partition, offset, number] : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)->offset = offset;
    const auto known = impl_->numbers.insert_or_assign(partition, number).first;
    impl_->read.resize(std::max(impl_->read.size(), number + 1));
    impl_->read[number] = &known->first;
  }
  if (rd_kafka_error_t* const error = rd_kafka_incremental_assign(impl_->client.get(), list.get())) {
    const std::string why = rd_kafka_error_string(error);
    rd_kafka_error_destroy(error);
    throw KafkaError(fmt::format("{} cannot be read: {}", to_string(partitions.front().partition), why));
  }
}

void Consumer::remove(const TopicPartition& partition) {
  const Handle<rd_kafka_topic_partition_list_t> list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition);
  if (rd_kafka_error_t* const error = rd_kafka_incremental_unassign(impl_->client.get(), list.get())) {
    rd_kafka_error_destroy(error);  // it was not assigned
  }
}

std::vector<std::string> Consumer::topics() { return topics_of(impl_->client.get()); }

bool Consumer::Batch::is_record(std::size_t at) const { return messages_[at]->err == RD_KAFKA_RESP_ERR_NO_ERROR; }

RecordView Consumer::Batch::record(std::size_t at) const {
  const rd_kafka_message_t& message = *messages_[at];
  RecordView record;
  const TopicPartition& name = *impl_->read[numbers_[at]];
  record.topic = name.topic;
  record.partition = name.partition;
  record.offset = message.offset;
  if (message.key != nullptr) record.key.emplace(static_cast<const char*>(message.key), message.key_len);
  if (message.payload != nullptr) record.value.emplace(static_cast<const char*>(message.payload), message.len);
  rd_kafka_timestamp_type_t type{};
  record.timestamp = rd_kafka_message_timestamp(&message, &type);
  record.timestamp_kind = kind_of(type);
  record.headers = &message;
  record.walk = walk_headers;
  return record;
}

std::int64_t Consumer::Batch::offset(std::size_t at) const { return messages_[at]->offset; }

void Consumer::Batch::clear() noexcept {
  for (rd_kafka_message_t* message : messages_) rd_kafka_message_destroy(message);
  messages_.clear();
  numbers_.clear();
}

void Consumer::poll(std::chrono::milliseconds wait, std::size_t most, Batch& batch) {
  std::vector<rd_kafka_message_t*>& messages = batch.messages_;
  batch.clear();
  batch.impl_ = impl_.get();
  // A batch is waited for until it is full; so it is taken as it is, and one message waited for if it is empty.
  const auto take = [&] {
    const std::size_t begin = messages.size();
    messages.resize(most);
    const ssize_t count = rd_kafka_consume_batch_queue(impl_->queue.get(), 0, messages.data() + begin, most - begin);
    messages.resize(begin + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  };
  take();
  if (messages.empty()) {
    rd_kafka_message_t* const first = rd_kafka_consume_queue(impl_->queue.get(), static_cast<int>(wait.count()));
    if (first == nullptr) return;
    messages.push_back(first);
    take();
  }
  impl_->note_queue(messages);
  std::size_t kept = 0;
  for (rd_kafka_message_t*& message : messages) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      impl_->throw_unless_transient(*message);
      continue;
    }
    batch.numbers_.push_back(impl_->number_of(*message));
    std::swap(messages[kept++], message);
  }
}

std::size_t Consumer::queued() const { return rd_kafka_queue_length(impl_->queue.get()); }

void Consumer::commit(const std::vector<std::pair<TopicPartition, std::int64_t>>& next_offsets) {
  impl_->shown->show(next_offsets);
}

}  // namespace lockstep::kafka
