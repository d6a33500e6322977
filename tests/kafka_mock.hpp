#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <string>

#include "kafka/properties.hpp"

/// A cluster of librdkafka's own, whose brokers err as a test wants it.
class MockCluster {
 public:
  explicit MockCluster(int brokers)
      : client_(rd_kafka_new(RD_KAFKA_PRODUCER, configuration(), nullptr, 0)),
        cluster_(rd_kafka_mock_cluster_new(client_, brokers)) {}
  MockCluster(const MockCluster&) = delete;
  ~MockCluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(client_);
  }

  lockstep::kafka::Properties properties() const {
    return {{"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster_)}};
  }
  void make_topic(const std::string& name, int partitions = 1) {
    rd_kafka_mock_topic_create(cluster_, name.c_str(), partitions, 1);
  }
  void set_down(int broker) { rd_kafka_mock_broker_set_down(cluster_, broker); }
  void set_coordinator(const std::string& group, int broker) {
    rd_kafka_mock_coordinator_set(cluster_, "group", group.c_str(), broker);
  }
  /// The next request of this kind, by the protocol's number of it, is answered so.
  void refuse_next(int request, rd_kafka_resp_err_t error) {
    rd_kafka_mock_push_request_errors(cluster_, static_cast<std::int16_t>(request), 1, error);
  }
  /// All that this broker is asked of a kind.
  void refuse(int broker, int request, rd_kafka_resp_err_t error) {
    constexpr int kAll = 10'000;
    for (int i = 0; i < kAll; ++i) {
      rd_kafka_mock_broker_push_request_error_rtts(cluster_, broker, static_cast<std::int16_t>(request), 1, error, 0);
    }
  }

 private:
  static rd_kafka_conf_t* configuration() {
    rd_kafka_conf_t* const configuration = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(configuration, [](const rd_kafka_t*, int, const char*, const char*) {});
    return configuration;
  }

  rd_kafka_t* const client_;
  rd_kafka_mock_cluster_t* const cluster_;
};
