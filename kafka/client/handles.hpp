#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>

#include "kafka/client/properties.hpp"
#include "runtime/zset/function_ref.hpp"

// What librdkafka's handles are owned by. Only kafka/client/ includes this.

namespace lockstep::kafka {

struct DestroyHandle {
  void operator()(rd_kafka_t* one) const { rd_kafka_destroy(one); }
  void operator()(rd_kafka_queue_t* one) const { rd_kafka_queue_destroy(one); }
  void operator()(rd_kafka_conf_t* one) const { rd_kafka_conf_destroy(one); }
  void operator()(rd_kafka_topic_t* one) const { rd_kafka_topic_destroy(one); }
  void operator()(rd_kafka_topic_partition_list_t* one) const { rd_kafka_topic_partition_list_destroy(one); }
  void operator()(const rd_kafka_metadata_t* one) const { rd_kafka_metadata_destroy(one); }
};
template <class T>
using Handle = std::unique_ptr<T, DestroyHandle>;

/// Those that every client has are the defaults; then what the user says. Throws KafkaError if one cannot be.
Handle<rd_kafka_conf_t> make_configuration(const Properties& defaults, const Properties& properties);
/// Takes over the configuration.
Handle<rd_kafka_t> make_client(rd_kafka_type_t type, Handle<rd_kafka_conf_t> configuration);

constexpr int kAnswerMs = 30'000;
/// Asks again while a cluster is not ready to answer: who leads a partition changes, and is not known at first. Throws
/// KafkaError: what was asked, and why there is no answer.
void ask(const std::string& what, FunctionRef<rd_kafka_resp_err_t()> question);

/// How many a topic has. Throws KafkaError if it is not there.
std::int32_t partitions_of(rd_kafka_t* client, const std::string& topic);

/// Throws KafkaError: what was done, and why it was not.
[[noreturn]] void fail(const std::string& what, rd_kafka_resp_err_t error);

}  // namespace lockstep::kafka
