#include "kafka/client/mock_broker.hpp"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "kafka/client/handles.hpp"
#include "kafka/error.hpp"

namespace lockstep::kafka {

struct MockBroker::Impl {
  struct Destroy {
    void operator()(rd_kafka_mock_cluster_t* cluster) const { rd_kafka_mock_cluster_destroy(cluster); }
  };
  Client client;
  std::unique_ptr<rd_kafka_mock_cluster_t, Destroy> cluster;
};

MockBroker::MockBroker() : impl_(std::make_unique<Impl>()) {
  const auto context = std::make_shared<ClientContext>([](LogLevel, const std::string&) {});
  impl_->client = make_client(RD_KAFKA_PRODUCER, make_configuration({}, {}, *context), context);
  impl_->cluster.reset(rd_kafka_mock_cluster_new(impl_->client.get(), 1));
  if (impl_->cluster == nullptr) throw KafkaError("the broker of this process could not be started");
}
MockBroker::~MockBroker() = default;

std::string MockBroker::address() const { return rd_kafka_mock_cluster_bootstraps(impl_->cluster.get()); }

void MockBroker::make_topic(const std::string& topic, std::int32_t partitions) {
  const auto error = rd_kafka_mock_topic_create(impl_->cluster.get(), topic.c_str(), partitions, 1);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) fail(fmt::format("topic '{}'", topic), error);
}

}  // namespace lockstep::kafka
