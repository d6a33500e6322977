#include "tests/kafka_cluster.hpp"

#include <librdkafka/rdkafka.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace kafka_cluster {

namespace {

void check(bool good, const std::string& what) {
  if (!good) throw std::runtime_error(what);
}
void check(rd_kafka_resp_err_t error, const std::string& what) {
  check(error == RD_KAFKA_RESP_ERR_NO_ERROR, what + ": " + rd_kafka_err2str(error));
}

rd_kafka_t* make(rd_kafka_type_t type, const std::map<std::string, std::string>& more = {}) {
  char why[512];
  rd_kafka_conf_t* const configuration = rd_kafka_conf_new();
  std::map<std::string, std::string> all = {{"bootstrap.servers", brokers()}, {"reconnect.backoff.max.ms", "500"}};
  all.insert(more.begin(), more.end());
  for (const auto& [name, value] : all) {
    check(rd_kafka_conf_set(configuration, name.c_str(), value.c_str(), why, sizeof why) == RD_KAFKA_CONF_OK, why);
  }
  rd_kafka_t* const client = rd_kafka_new(type, configuration, why, sizeof why);
  check(client != nullptr, why);
  return client;
}

rd_kafka_t* producer() {
  static rd_kafka_t* const client = make(RD_KAFKA_PRODUCER, {{"linger.ms", "1"},
                                                             {"enable.idempotence", "true"},
                                                             {"partitioner", "murmur2_random"},
                                                             {"topic.metadata.refresh.interval.ms", "100"}});
  return client;
}

/// Waits for what an administrator has asked for.
template <class Results>
void await(rd_kafka_queue_t* queue, Results&& errors) {
  rd_kafka_event_t* const event = rd_kafka_queue_poll(queue, 30'000);
  check(event != nullptr, "no answer");
  check(rd_kafka_event_error(event), "administration");
  errors(event);
  rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
}

void write(rd_kafka_t* client, const std::string& topic, const std::vector<Record>& records) {
  rd_kafka_topic_t* const to = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  int tries = 0;
  for (const Record& record : records) {
    for (;;) {
      const int failed = rd_kafka_produce(
          to, record.partition, RD_KAFKA_MSG_F_COPY, record.value ? const_cast<char*>(record.value->data()) : nullptr,
          record.value ? record.value->size() : 0, record.key ? record.key->data() : nullptr,
          record.key ? record.key->size() : 0, nullptr);
      if (failed == 0) break;
      const rd_kafka_resp_err_t error = rd_kafka_last_error();
      // It may not have heard of a topic that was made again.
      const bool is_unknown = error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC && ++tries < 1'000;
      check(error == RD_KAFKA_RESP_ERR__QUEUE_FULL || is_unknown, rd_kafka_err2str(error));
      rd_kafka_poll(client, 10);
    }
  }
  check(rd_kafka_flush(client, 120'000), "writing");
  rd_kafka_topic_destroy(to);
}

}  // namespace

const std::string& brokers() {
  // Another one may be given.
  static const char* const given = std::getenv("LOCKSTEP_KAFKA");
  static const std::string address = given != nullptr ? given : KAFKA_BROKERS;
  return address;
}

lockstep::kafka::Properties properties() { return {{"bootstrap.servers", brokers()}}; }

namespace {

rd_kafka_resp_err_t create_topic(const std::string& topic, int partitions,
                                 const std::map<std::string, std::string>& options = {}) {
  char why[512];
  rd_kafka_NewTopic_t* topics[] = {rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, why, sizeof why)};
  for (const auto& [name, value] : options) rd_kafka_NewTopic_set_config(topics[0], name.c_str(), value.c_str());
  rd_kafka_queue_t* const queue = rd_kafka_queue_new(producer());
  rd_kafka_CreateTopics(producer(), topics, 1, nullptr, queue);
  rd_kafka_NewTopic_destroy(topics[0]);
  rd_kafka_resp_err_t error{};
  await(queue, [&error](rd_kafka_event_t* event) {
    std::size_t count = 0;
    const auto* const results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    error = rd_kafka_topic_result_error(results[0]);
  });
  return error;
}

}  // namespace

std::string make_topic(const std::string& name, int partitions, const std::map<std::string, std::string>& options) {
  static int made = 0;
  const std::string topic = name + "-" + std::to_string(getpid()) + "-" + std::to_string(made++);
  check(create_topic(topic, partitions, options), "making a topic");
  return topic;
}

namespace {

/// Until then, what is written may yet go to the topic that was there before.
void wait_until_empty(const std::string& topic, int partitions) {
  for (int partition = 0; partition < partitions; ++partition) {
    std::int64_t first = 0;
    std::int64_t end = 0;
    for (int tries = 0;; ++tries) {
      const auto error = rd_kafka_query_watermark_offsets(producer(), topic.c_str(), partition, &first, &end, 10'000);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR && end == 0) break;
      check(tries < 100, "a topic that was made again is not empty");
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
}

}  // namespace

void make_topic_again(const std::string& topic, int partitions) {
  delete_topic(topic);
  for (int tries = 0;; ++tries) {
    const rd_kafka_resp_err_t error = create_topic(topic, partitions);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return wait_until_empty(topic, partitions);
    check(error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS && tries < 100 ? RD_KAFKA_RESP_ERR_NO_ERROR : error,
          "making a topic again");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

void delete_topic(const std::string& topic) {
  rd_kafka_DeleteTopic_t* topics[] = {rd_kafka_DeleteTopic_new(topic.c_str())};
  rd_kafka_queue_t* const queue = rd_kafka_queue_new(producer());
  rd_kafka_DeleteTopics(producer(), topics, 1, nullptr, queue);
  rd_kafka_DeleteTopic_destroy(topics[0]);
  await(queue, [](rd_kafka_event_t*) {});
}

void grow_topic(const std::string& topic, int partitions) {
  char why[512];
  rd_kafka_NewPartitions_t* parts[] = {
      rd_kafka_NewPartitions_new(topic.c_str(), static_cast<std::size_t>(partitions), why, sizeof why)};
  rd_kafka_queue_t* const queue = rd_kafka_queue_new(producer());
  rd_kafka_CreatePartitions(producer(), parts, 1, nullptr, queue);
  rd_kafka_NewPartitions_destroy(parts[0]);
  await(queue, [](rd_kafka_event_t* event) {
    std::size_t count = 0;
    const auto* const results =
        rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &count);
    check(rd_kafka_topic_result_error(results[0]), "growing a topic");
  });
}

void delete_records(const std::string& topic, int partition, std::int64_t before) {
  rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = before;
  rd_kafka_DeleteRecords_t* records[] = {rd_kafka_DeleteRecords_new(list)};
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_queue_t* const queue = rd_kafka_queue_new(producer());
  rd_kafka_DeleteRecords(producer(), records, 1, nullptr, queue);
  rd_kafka_DeleteRecords_destroy(records[0]);
  await(queue, [](rd_kafka_event_t*) {});
}

void write(const std::string& topic, const std::vector<Record>& records) { write(producer(), topic, records); }

void write_in_transaction(const std::string& topic, const std::vector<Record>& records, bool commits) {
  rd_kafka_t* const client = make(RD_KAFKA_PRODUCER, {{"transactional.id", topic + (commits ? "-a" : "-b")}});
  const auto done = [](rd_kafka_error_t* error) {
    const std::string why = error == nullptr ? "" : rd_kafka_error_string(error);
    if (error != nullptr) rd_kafka_error_destroy(error);
    check(why.empty(), why);
  };
  done(rd_kafka_init_transactions(client, 30'000));
  done(rd_kafka_begin_transaction(client));
  write(client, topic, records);
  done(commits ? rd_kafka_commit_transaction(client, 30'000) : rd_kafka_abort_transaction(client, 30'000));
  rd_kafka_destroy(client);
}

std::vector<Record> read(const std::string& topic) {
  rd_kafka_t* const client = make(
      RD_KAFKA_CONSUMER, {{"group.id", "reader"}, {"enable.partition.eof", "true"}, {"enable.auto.commit", "false"}});
  rd_kafka_topic_t* const handle = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  check(rd_kafka_metadata(client, 0, handle, &metadata, 30'000), "metadata of " + topic);
  int left = metadata->topics[0].partition_cnt;
  rd_kafka_metadata_destroy(metadata);
  rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(left);
  for (int partition = 0; partition < left; ++partition) {
    rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  check(rd_kafka_assign(client, list), "assigning " + topic);
  rd_kafka_topic_partition_list_destroy(list);
  std::vector<Record> records;
  while (left != 0) {
    rd_kafka_message_t* const message = rd_kafka_consumer_poll(client, 30'000);
    check(message != nullptr, "reading " + topic + ": nothing comes");
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      --left;
    } else {
      check(message->err, "reading " + topic);
      Record record{.key = {}, .value = {}, .partition = message->partition, .offset = message->offset};
      if (message->key != nullptr) record.key.emplace(static_cast<const char*>(message->key), message->key_len);
      if (message->payload != nullptr) record.value.emplace(static_cast<const char*>(message->payload), message->len);
      records.push_back(std::move(record));
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_topic_destroy(handle);
  rd_kafka_consumer_close(client);
  rd_kafka_destroy(client);
  return records;
}

std::map<std::string, std::string> read_upserts(const std::string& topic) {
  std::map<std::string, std::string> last;
  for (const Record& record : read(topic)) {
    check(record.key.has_value(), "a record without a key");
    if (record.value) {
      last[*record.key] = *record.value;
    } else {
      last.erase(*record.key);
    }
  }
  return last;
}

void commit(const std::string& group, const std::string& topic, int partition, std::int64_t offset) {
  rd_kafka_t* const client = make(RD_KAFKA_CONSUMER, {{"group.id", group}, {"enable.auto.commit", "false"}});
  rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = offset;
  check(rd_kafka_commit(client, list, 0), "committing an offset");
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_consumer_close(client);
  rd_kafka_destroy(client);
}

std::int64_t committed(const std::string& group, const std::string& topic, int partition) {
  rd_kafka_t* const client = make(RD_KAFKA_CONSUMER, {{"group.id", group}, {"enable.auto.commit", "false"}});
  rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), partition);
  check(rd_kafka_committed(client, list, 30'000), "offsets of a group");
  const std::int64_t offset = list->elems[0].offset;
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_consumer_close(client);
  rd_kafka_destroy(client);
  return offset < 0 ? -1 : offset;
}

}  // namespace kafka_cluster
