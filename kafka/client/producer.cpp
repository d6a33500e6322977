#include "kafka/client/producer.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "kafka/client/handles.hpp"
#include "kafka/error.hpp"

namespace lockstep::kafka {

struct Producer::Impl {
  struct Context : ClientContext {
    using ClientContext::ClientContext;
    std::string error;  // of the first record that could not be written
  };
  struct Topic {
    Handle<rd_kafka_topic_t> handle;
    std::int32_t partitions;
  };

  std::shared_ptr<Context> context;
  Client client;
  std::vector<Topic> topics;
  std::uint64_t produced = 0;
  std::atomic<std::chrono::milliseconds> patience{std::chrono::milliseconds(0)};  // 0: it waits
  int on_their_way = -1;                        // since it waits; -1: it has not looked
  std::chrono::steady_clock::time_point since;  // they are so many

  void check() const {
    if (!context->error.empty()) throw KafkaError(context->error);
  }
  /// As it waits.
  void check_patience() {
    check();
    const std::chrono::milliseconds most = patience.load(std::memory_order_relaxed);
    const auto now = std::chrono::steady_clock::now();
    const int count = rd_kafka_outq_len(client.get());
    if (count != std::exchange(on_their_way, count) || count == 0) since = now;
    if (most.count() == 0 || now - since < most) return;
    throw KafkaError(fmt::format("records on their way: {}; none has got there for {} ms", on_their_way, most.count()));
  }
  static void report(rd_kafka_t* client, const rd_kafka_message_t* message, void* of) {
    std::string& error = static_cast<Context*>(static_cast<ClientContext*>(of))->error;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || !error.empty()) return;
    error = fmt::format("a record for {}[{}] could not be written: {}", rd_kafka_topic_name(message->rkt),
                        message->partition, reason(client, message->err));
  }
  /// After what is fatal to the client, which says why, all others are only told that it was.
  static std::string reason(rd_kafka_t* client, rd_kafka_resp_err_t error) {
    std::array<char, 512> why{};
    const auto fatal = rd_kafka_fatal_error(client, why.data(), why.size());
    if (fatal == RD_KAFKA_RESP_ERR_NO_ERROR) return rd_kafka_err2str(error);
    return fmt::format("{}: {}", rd_kafka_err2str(fatal), why.data());
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
      {"reconnect.backoff.max.ms", "1000"},
      // A cluster that is away is waited for, however long.
      {"message.timeout.ms", "0"},
      // Only what failed is reported record by record.
      {"delivery.report.only.error", "true"},
  };
  return properties;
}

Producer::Producer(const Properties& properties, Log log) : impl_(std::make_unique<Impl>()) {
  impl_->context = std::make_shared<Impl::Context>(std::move(log));
  Handle<rd_kafka_conf_t> configuration = make_configuration(defaults(), properties, *impl_->context);
  rd_kafka_conf_set_dr_msg_cb(configuration.get(), &Impl::report);
  impl_->client = make_client(RD_KAFKA_PRODUCER, std::move(configuration), impl_->context);
}

Producer::~Producer() {
  rd_kafka_purge(impl_->client.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(impl_->client.get(), 1000);
  impl_->topics.clear();
}

std::size_t Producer::topic(const std::string& name) {
  Handle<rd_kafka_topic_t> topic(rd_kafka_topic_new(impl_->client.get(), name.c_str(), nullptr));
  if (topic == nullptr) fail(fmt::format("topic '{}'", name), rd_kafka_last_error());
  const std::int32_t partitions = partitions_of(impl_->client.get(), name);
  impl_->topics.push_back({std::move(topic), partitions});
  return impl_->topics.size() - 1;
}

std::int32_t Producer::partitions(std::size_t topic) const { return impl_->topics[topic].partitions; }

namespace {

char* data_of(const std::optional<std::string_view>& bytes) {
  static char nothing = 0;  // an empty value is not a null one
  return !bytes ? nullptr : bytes->empty() ? &nothing : const_cast<char*>(bytes->data());
}
std::size_t size_of(const std::optional<std::string_view>& bytes) { return bytes ? bytes->size() : 0; }
std::int32_t partition_of(const NewRecord& record) {
  return record.partition < 0 ? RD_KAFKA_PARTITION_UA : record.partition;
}

rd_kafka_resp_err_t produce_plain(rd_kafka_topic_t* to, const NewRecord& record) {
  const int failed = rd_kafka_produce(to, partition_of(record), RD_KAFKA_MSG_F_COPY, data_of(record.value),
                                      size_of(record.value), data_of(record.key), size_of(record.key), nullptr);
  return failed == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error();
}

rd_kafka_resp_err_t produce_whole(rd_kafka_t* client, rd_kafka_topic_t* to, const NewRecord& record) {
  const auto bytes = [](rd_kafka_vu_t& argument, const std::optional<std::string_view>& bytes) {
    argument.u.mem.ptr = data_of(bytes);
    argument.u.mem.size = size_of(bytes);
  };
  Handle<rd_kafka_headers_t> headers(rd_kafka_headers_new(record.headers == nullptr ? 0 : record.headers->size()));
  if (record.headers != nullptr) {
    for (const auto& [name, value] : *record.headers) {
      rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()),
                          value ? value->data() : nullptr, value ? static_cast<ssize_t>(value->size()) : 0);
    }
  }
  std::array<rd_kafka_vu_t, 7> arguments{};
  arguments[0].vtype = RD_KAFKA_VTYPE_RKT;
  arguments[0].u.rkt = to;
  arguments[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  arguments[1].u.i32 = partition_of(record);
  arguments[2].vtype = RD_KAFKA_VTYPE_VALUE;
  bytes(arguments[2], record.value);
  arguments[3].vtype = RD_KAFKA_VTYPE_KEY;
  bytes(arguments[3], record.key);
  arguments[4].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  arguments[4].u.i = RD_KAFKA_MSG_F_COPY;
  arguments[5].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  arguments[5].u.i64 = record.timestamp;
  arguments[6].vtype = RD_KAFKA_VTYPE_HEADERS;
  arguments[6].u.headers = headers.get();
  rd_kafka_error_t* const error = rd_kafka_produceva(client, arguments.data(), arguments.size());
  if (error == nullptr) {
    (void)headers.release();  // the record has them
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
  rd_kafka_error_destroy(error);
  return code;
}

}  // namespace

void Producer::produce(std::size_t topic, const NewRecord& record) {
  rd_kafka_topic_t* const to = impl_->topics[topic].handle.get();
  const bool is_plain = record.timestamp == 0 && (record.headers == nullptr || record.headers->empty());
  impl_->on_their_way = -1;
  for (;;) {
    const rd_kafka_resp_err_t error =
        is_plain ? produce_plain(to, record) : produce_whole(impl_->client.get(), to, record);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
      throw RecordTooLarge(fmt::format("a record for '{}': {}", rd_kafka_topic_name(to), rd_kafka_err2str(error)));
    }
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      impl_->check();
      throw KafkaError(
          fmt::format("a record for '{}': {}", rd_kafka_topic_name(to), Impl::reason(impl_->client.get(), error)));
    }
    rd_kafka_poll(impl_->client.get(), 10);
    impl_->check_patience();
  }
  constexpr std::uint64_t kPerPoll = 1024;
  if (++impl_->produced % kPerPoll == 0) rd_kafka_poll(impl_->client.get(), 0);
}

void Producer::flush() {
  impl_->on_their_way = -1;
  while (rd_kafka_flush(impl_->client.get(), 100) == RD_KAFKA_RESP_ERR__TIMED_OUT) impl_->check_patience();
  impl_->check();
}

void Producer::give_up_after(std::chrono::milliseconds time) { impl_->patience = time; }

}  // namespace lockstep::kafka
