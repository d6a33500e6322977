#include "kafka/client/handles.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <thread>

#include "kafka/error.hpp"

namespace lockstep::kafka {

Handle<rd_kafka_conf_t> make_configuration(const Properties& defaults, const Properties& properties) {
  Handle<rd_kafka_conf_t> configuration(rd_kafka_conf_new());
  const auto set = [&configuration](const std::string& name, const std::string& value) {
    std::array<char, 512> why{};
    if (rd_kafka_conf_set(configuration.get(), name.c_str(), value.c_str(), why.data(), why.size()) !=
        RD_KAFKA_CONF_OK) {
      throw KafkaError(fmt::format("property '{}' = '{}' of librdkafka: {}", name, value, why.data()));
    }
  };
  for (const auto& [name, value] : defaults) {
    if (!properties.contains(name)) set(name, value);
  }
  for (const auto& [name, value] : properties) set(name, value);
  return configuration;
}

Handle<rd_kafka_t> make_client(rd_kafka_type_t type, Handle<rd_kafka_conf_t> configuration) {
  std::array<char, 512> why{};
  Handle<rd_kafka_t> client(rd_kafka_new(type, configuration.get(), why.data(), why.size()));
  if (client == nullptr) throw KafkaError(fmt::format("a client of Kafka could not be made: {}", why.data()));
  (void)configuration.release();
  return client;
}

void ask(const std::string& what, FunctionRef<rd_kafka_resp_err_t()> question) {
  using std::chrono::milliseconds;
  for (const auto until = std::chrono::steady_clock::now() + milliseconds(kAnswerMs);;) {
    const rd_kafka_resp_err_t error = question();
    switch (error) {
      case RD_KAFKA_RESP_ERR_NO_ERROR: return;
      case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
      case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
      case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
      case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
      case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
      case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
      case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
      case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
      case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
        if (std::chrono::steady_clock::now() < until) break;
        [[fallthrough]];
      default: fail(what, error);
    }
    std::this_thread::sleep_for(milliseconds(20));
  }
}

std::int32_t partitions_of(rd_kafka_t* client, const std::string& topic) {
  const Handle<rd_kafka_topic_t> handle(rd_kafka_topic_new(client, topic.c_str(), nullptr));
  if (handle == nullptr) fail(fmt::format("topic '{}'", topic), rd_kafka_last_error());
  std::int32_t count = 0;
  ask(fmt::format("topic '{}'", topic), [&] {
    const rd_kafka_metadata_t* found = nullptr;
    const auto error = rd_kafka_metadata(client, 0, handle.get(), &found, kAnswerMs);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
    const Handle<const rd_kafka_metadata_t> metadata(found);
    count = metadata->topics[0].partition_cnt;
    return metadata->topics[0].err;
  });
  return count;
}

void fail(const std::string& what, rd_kafka_resp_err_t error) {
  throw KafkaError(fmt::format("{}: {}", what, rd_kafka_err2str(error)));
}

}  // namespace lockstep::kafka
