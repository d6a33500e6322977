#include "kafka/client/producer.hpp"

#include <fmt/format.h>

#include <vector>

#include "kafka/client/handles.hpp"
#include "kafka/error.hpp"

namespace lockstep::kafka {

struct Producer::Impl {
  std::vector<Handle<rd_kafka_topic_t>> topics;
  std::string error;  // of the first record that could not be written
  std::uint64_t produced = 0;
  Handle<rd_kafka_t> client;

  void check() const {
    if (!error.empty()) throw KafkaError(error);
  }
  static void report(rd_kafka_t*, const rd_kafka_message_t* message, void* of) {
    auto& impl = *static_cast<Impl*>(of);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || !impl.error.empty()) return;
    impl.error = fmt::format("a record for {}[{}] could not be written: {}", rd_kafka_topic_name(message->rkt),
                             message->partition, rd_kafka_err2str(message->err));
  }
};

const Properties& Producer::defaults() {
  static const Properties properties = {
      {"enable.idempotence", "true"},
      {"partitioner", "murmur2_random"},
      {"linger.ms", "2"},
      {"queue.buffering.max.messages", "1000000"},
      {"queue.buffering.max.kbytes", "262144"},
      {"retry.backoff.ms", "20"},
      // Only what failed is reported record by record.
      {"delivery.report.only.error", "true"},
  };
  return properties;
}

Producer::Producer(const Properties& properties) : impl_(std::make_unique<Impl>()) {
  Handle<rd_kafka_conf_t> configuration = make_configuration(defaults(), properties);
  rd_kafka_conf_set_opaque(configuration.get(), impl_.get());
  rd_kafka_conf_set_dr_msg_cb(configuration.get(), &Impl::report);
  impl_->client = make_client(RD_KAFKA_PRODUCER, std::move(configuration));
}

Producer::~Producer() {
  rd_kafka_purge(impl_->client.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(impl_->client.get(), 1000);
  impl_->topics.clear();
}

std::size_t Producer::topic(const std::string& name) {
  Handle<rd_kafka_topic_t> topic(rd_kafka_topic_new(impl_->client.get(), name.c_str(), nullptr));
  if (topic == nullptr) fail(fmt::format("topic '{}'", name), rd_kafka_last_error());
  partitions_of(impl_->client.get(), name);  // it is there
  impl_->topics.push_back(std::move(topic));
  return impl_->topics.size() - 1;
}

void Producer::produce(std::size_t topic, std::optional<std::string_view> key, std::optional<std::string_view> value) {
  static char nothing = 0;  // an empty value is not a null one
  const auto data = [](const std::optional<std::string_view>& bytes) {
    return !bytes ? nullptr : bytes->empty() ? &nothing : const_cast<char*>(bytes->data());
  };
  rd_kafka_topic_t* const to = impl_->topics[topic].get();
  for (;;) {
    const int failed = rd_kafka_produce(to, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, data(value),
                                        value ? value->size() : 0, data(key), key ? key->size() : 0, nullptr);
    if (failed == 0) break;
    if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      fail(fmt::format("a record for '{}'", rd_kafka_topic_name(to)), rd_kafka_last_error());
    }
    rd_kafka_poll(impl_->client.get(), 10);
    impl_->check();
  }
  constexpr std::uint64_t kPerPoll = 1024;
  if (++impl_->produced % kPerPoll == 0) rd_kafka_poll(impl_->client.get(), 0);
}

void Producer::flush() {
  while (rd_kafka_flush(impl_->client.get(), 100) == RD_KAFKA_RESP_ERR__TIMED_OUT) impl_->check();
  impl_->check();
}

std::uint64_t Producer::produced() const { return impl_->produced; }

}  // namespace lockstep::kafka
