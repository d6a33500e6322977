#include "kafka/client/handles.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <future>
#include <string_view>
#include <system_error>
#include <thread>

#include "kafka/error.hpp"

namespace lockstep::kafka {

namespace {

void write_log(const rd_kafka_t* client, int level, const char* kind, const char* text) {
  auto* const context = static_cast<ClientContext*>(rd_kafka_opaque(client));
  constexpr int kError = 3;
  constexpr int kWarning = 4;
  constexpr int kInfo = 6;
  const bool is_of_other = std::string_view(kind) == "CONFWARN";  // a property of consumers, at a producer
  // It is retried, and what lasts is told otherwise.
  const bool is_first_try = std::string_view(kind) == "GETPID";
  const LogLevel of = is_of_other || is_first_try ? LogLevel::debug
                      : level <= kError           ? LogLevel::error
                      : level == kWarning         ? LogLevel::warning
                      : level <= kInfo            ? LogLevel::info
                                                  : LogLevel::debug;
  context->log(of, fmt::format("{}: {}: {}", rd_kafka_name(client), kind, text));
}

/// What is told by the log as well, with its reason, is none's news.
void write_error(rd_kafka_t* client, int error, const char* reason, void* of) {
  const auto code = static_cast<rd_kafka_resp_err_t>(error);
  const bool is_told = code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__RESOLVE;
  static_cast<ClientContext*>(of)->log(is_told ? LogLevel::debug : LogLevel::error,
                                       fmt::format("{}: {}", rd_kafka_name(client), reason));
}

std::string servers_of(const rd_kafka_t* client) {
  std::array<char, 512> servers{};
  std::size_t size = servers.size();
  if (rd_kafka_conf_get(rd_kafka_conf(const_cast<rd_kafka_t*>(client)), "bootstrap.servers", servers.data(), &size) !=
      RD_KAFKA_CONF_OK) {
    return "no brokers";
  }
  return servers.data();
}

}  // namespace

void ClientContext::log(LogLevel level, const std::string& text) {
  const std::lock_guard lock(mutex_);
  tell(level, text);
}

/// Under the lock.
void ClientContext::tell(LogLevel level, const std::string& text) noexcept {
  try {
    if (log_) log_(level, text);
  } catch (...) {  // of the user's, and there is nobody to tell
  }
}

void ClientContext::leave(const std::string& last_words) {
  constexpr int kTries = 100;
  constexpr std::chrono::milliseconds kAgain{10};
  std::unique_lock lock(mutex_, std::try_to_lock);
  for (int tries = 0; !lock && tries < kTries; ++tries) {
    std::this_thread::sleep_for(kAgain);
    (void)lock.try_lock();
  }
  if (!lock) return;  // who is told does not return
  tell(LogLevel::warning, last_words);
  log_ = nullptr;
}

void EndClient::operator()(rd_kafka_t* client) const {
  constexpr std::chrono::seconds kPatience{3};
  const std::string name = rd_kafka_name(client);
  std::promise<void> ends;
  const std::future<void> end = ends.get_future();
  try {
    std::thread([client, ends = std::move(ends), context = context]() mutable {
      if (rd_kafka_type(client) == RD_KAFKA_CONSUMER) rd_kafka_consumer_close(client);
      rd_kafka_destroy(client);
      ends.set_value();
    }).detach();
    if (end.wait_for(kPatience) == std::future_status::ready) return;
  } catch (const std::system_error&) {  // there is no thread to end it
  }
  context->leave(fmt::format("{} does not end, and is left", name));
}

Handle<rd_kafka_conf_t> make_configuration(const Properties& defaults, const Properties& properties,
                                           ClientContext& context) {
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
  rd_kafka_conf_set_opaque(configuration.get(), &context);
  if (context.has_log()) {
    rd_kafka_conf_set_log_cb(configuration.get(), write_log);
    rd_kafka_conf_set_error_cb(configuration.get(), write_error);
  }
  return configuration;
}

Client make_client(rd_kafka_type_t type, Handle<rd_kafka_conf_t> configuration,
                   std::shared_ptr<ClientContext> context) {
  std::array<char, 512> why{};
  Client client(rd_kafka_new(type, configuration.get(), why.data(), why.size()), {std::move(context)});
  if (client == nullptr) throw KafkaError(fmt::format("a client of Kafka could not be made: {}", why.data()));
  (void)configuration.release();
  return client;
}

void ask(rd_kafka_t* client, const std::string& what, FunctionRef<rd_kafka_resp_err_t(int)> question) {
  using std::chrono::milliseconds;
  const int most = static_cast<ClientContext*>(rd_kafka_opaque(client))->answer_ms;
  for (const auto until = std::chrono::steady_clock::now() + milliseconds(most);;) {
    const rd_kafka_resp_err_t error = question(most);
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

std::vector<std::optional<std::int64_t>> ask_offsets(rd_kafka_t* client, std::string_view what,
                                                     const std::vector<TopicPartition>& partitions,
                                                     OffsetQuestion question) {
  std::vector<std::optional<std::int64_t>> found(partitions.size());
  if (partitions.empty()) return found;
  const Handle<rd_kafka_topic_partition_list_t> list(
      rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const TopicPartition& one : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), one.topic.c_str(), one.partition);
  }
  std::string of;
  const auto name = [&](std::size_t i) { of = fmt::format("{} {}", what, to_string(partitions[i])); };
  ask(client, of, [&](int most) {
    name(0);
    if (partitions.size() > 1) of += fmt::format(" and {} others", partitions.size() - 1);
    const auto error = question(list.get(), most);
    // This is what is said where no partition has a leader, and then each says why.
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) return error;
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      const rd_kafka_topic_partition_t& one = list->elems[i];
      if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        name(i);
        return one.err;
      }
      if (one.offset >= 0) found[i] = one.offset;
    }
    return error;
  });
  return found;
}

std::int32_t partitions_of(rd_kafka_t* client, const std::string& topic) {
  const Handle<rd_kafka_topic_t> handle(rd_kafka_topic_new(client, topic.c_str(), nullptr));
  if (handle == nullptr) fail(fmt::format("topic '{}'", topic), rd_kafka_last_error());
  std::int32_t count = 0;
  ask(client, fmt::format("topic '{}' at {}", topic, servers_of(client)), [&](int most) {
    const rd_kafka_metadata_t* found = nullptr;
    const auto error = rd_kafka_metadata(client, 0, handle.get(), &found, most);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
    const Handle<const rd_kafka_metadata_t> metadata(found);
    count = metadata->topics[0].partition_cnt;
    if (metadata->topics[0].err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
      throw NoTopic(fmt::format("there is no topic '{}' at {}", topic, servers_of(client)));
    }
    return metadata->topics[0].err;
  });
  return count;
}

std::vector<std::string> topics_of(rd_kafka_t* client) {
  std::vector<std::string> names;
  ask(client, "the topics", [&](int most) {
    const rd_kafka_metadata_t* found = nullptr;
    const auto error = rd_kafka_metadata(client, 1, nullptr, &found, most);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
    const Handle<const rd_kafka_metadata_t> metadata(found);
    names.clear();
    for (int i = 0; i < metadata->topic_cnt; ++i) {
      const std::string_view name = metadata->topics[i].topic;
      if (!name.starts_with("__")) names.emplace_back(name);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  });
  return names;
}

void fail(const std::string& what, rd_kafka_resp_err_t error) {
  throw KafkaError(fmt::format("{}: {}", what, rd_kafka_err2str(error)));
}

}  // namespace lockstep::kafka
