#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kafka/log.hpp"
#include "kafka/properties.hpp"
#include "kafka/record.hpp"
#include "runtime/zset/function_ref.hpp"

// What librdkafka's handles are owned by. Only kafka/client/ includes this.

namespace lockstep::kafka {

struct DestroyHandle {
  void operator()(rd_kafka_queue_t* one) const { rd_kafka_queue_destroy(one); }
  void operator()(rd_kafka_conf_t* one) const { rd_kafka_conf_destroy(one); }
  void operator()(rd_kafka_event_t* one) const { rd_kafka_event_destroy(one); }
  void operator()(rd_kafka_AlterConsumerGroupOffsets_t* one) const { rd_kafka_AlterConsumerGroupOffsets_destroy(one); }
  void operator()(rd_kafka_headers_t* one) const { rd_kafka_headers_destroy(one); }
  void operator()(rd_kafka_topic_t* one) const { rd_kafka_topic_destroy(one); }
  void operator()(rd_kafka_topic_partition_list_t* one) const { rd_kafka_topic_partition_list_destroy(one); }
  void operator()(const rd_kafka_metadata_t* one) const { rd_kafka_metadata_destroy(one); }
};
template <class T>
using Handle = std::unique_ptr<T, DestroyHandle>;

/// What a client's configuration points to.
class ClientContext {
 public:
  explicit ClientContext(Log log) : log_(std::move(log)), has_log_(log_ != nullptr) {}

  bool has_log() const { return has_log_; }
  /// Any thread.
  void log(LogLevel level, const std::string& text);
  /// Tells this; from then on nobody is told, so that who was may go.
  void leave(const std::string& last_words);

  /// How long an answer of the cluster is waited for, in milliseconds.
  std::atomic<int> answer_ms{30'000};

 private:
  void tell(LogLevel level, const std::string& text) noexcept;

  std::mutex mutex_;
  Log log_;
  const bool has_log_;
};

/// Ends a client. What it still does to end is waited for, but not for ever: librdkafka 2.0 never ends a consumer of
/// some topics that were deleted (its issue 4362), and then the client is left as it is.
struct EndClient {
  void operator()(rd_kafka_t* client) const;
  std::shared_ptr<ClientContext> context;
};
using Client = std::unique_ptr<rd_kafka_t, EndClient>;

/// Those that every client has are the defaults; then what the user says. Throws KafkaError if one cannot be.
Handle<rd_kafka_conf_t> make_configuration(const Properties& defaults, const Properties& properties,
                                           ClientContext& context);
/// Takes over the configuration, which points to this context.
Client make_client(rd_kafka_type_t type, Handle<rd_kafka_conf_t> configuration, std::shared_ptr<ClientContext> context);

/// Asks again while a cluster is not ready to answer: who leads a partition changes, and is not known at first. A
/// question gets how many milliseconds it may wait. Throws KafkaError: what was asked, and why there is no answer.
void ask(rd_kafka_t* client, const std::string& what, FunctionRef<rd_kafka_resp_err_t(int)> question);

using OffsetQuestion = FunctionRef<rd_kafka_resp_err_t(rd_kafka_topic_partition_list_t* of, int most)>;
/// The same of all partitions at once; negative offsets are none. `what` begins the error, which names a partition.
std::vector<std::optional<std::int64_t>> ask_offsets(rd_kafka_t* client, std::string_view what,
                                                     const std::vector<TopicPartition>& partitions,
                                                     OffsetQuestion question);

/// The topics of the cluster, but those that are Kafka's own.
std::vector<std::string> topics_of(rd_kafka_t* client);
/// How many a topic has. Throws NoTopic.
std::int32_t partitions_of(rd_kafka_t* client, const std::string& topic);

/// Throws KafkaError: what was done, and why it was not.
[[noreturn]] void fail(const std::string& what, rd_kafka_resp_err_t error);

}  // namespace lockstep::kafka
