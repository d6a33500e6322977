#include "bench/kafka/client.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "kafka/client/consumer.hpp"
#include "kafka/client/producer.hpp"

namespace lockstep::kafka_bench {

namespace {

rd_kafka_t* make_client(rd_kafka_type_t type, const kafka::Properties& properties) {
  char why[512];
  rd_kafka_conf_t* const configuration = rd_kafka_conf_new();
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(configuration, name.c_str(), value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) {
      throw std::runtime_error(why);
    }
  }
  rd_kafka_t* const client = rd_kafka_new(type, configuration, why, sizeof why);
  if (client == nullptr) throw std::runtime_error(why);
  return client;
}

kafka::Properties with(kafka::Properties properties, const Options& options) {
  properties["bootstrap.servers"] = options.brokers;
  return properties;
}

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

void check(rd_kafka_resp_err_t error, const char* what) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw std::runtime_error(fmt::format("{}: {}", what, rd_kafka_err2str(error)));
  }
}

std::string make_topic(const Options& options, const char* kind, int partitions) {
  static int made = 0;
  const std::string name = fmt::format("bench-{}-{}-{}", kind, getpid(), made++);
  char why[512];
  rd_kafka_t* const client = make_client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", options.brokers}});
  rd_kafka_NewTopic_t* topics[] = {rd_kafka_NewTopic_new(name.c_str(), partitions, 1, why, sizeof why)};
  rd_kafka_queue_t* const queue = rd_kafka_queue_new(client);
  rd_kafka_CreateTopics(client, topics, 1, nullptr, queue);
  rd_kafka_event_t* const event = rd_kafka_queue_poll(queue, 60'000);
  if (event == nullptr) throw std::runtime_error("the broker does not answer");
  check(rd_kafka_event_error(event), "making a topic");
  rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  rd_kafka_NewTopic_destroy(topics[0]);
  rd_kafka_destroy(client);
  return name;
}

void write(const Options& options, const std::string& topic, int partitions,
           const std::function<void(std::uint64_t, std::string& key, std::string& value)>& record) {
  BareWriter writer(options, topic);
  std::string key;
  std::string value;
  for (std::uint64_t i = 0; i < options.records; ++i) {
    key.clear();
    value.clear();
    record(i, key, value);
    const bool by_key = partitions == 0;
    writer.write(
        key, value,
        by_key ? RD_KAFKA_PARTITION_UA : static_cast<std::int32_t>(i % static_cast<std::uint64_t>(partitions)));
  }
  writer.flush();
}

BareReader::BareReader(const Options& options, const std::string& topic, From from) : messages_(10'000) {
  kafka::Properties properties = with(kafka::Consumer::defaults(), options);
  properties["group.id"] = "bare-" + topic;
  // Its queue is never full, since a full one is not filled again for up to a second.
  properties["queued.min.messages"] = "10000000";
  properties["queued.max.messages.kbytes"] = "65536";
  client_ = make_client(RD_KAFKA_CONSUMER, properties);
  rd_kafka_poll_set_consumer(client_);
  rd_kafka_topic_t* const handle = rd_kafka_topic_new(client_, topic.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  check(rd_kafka_metadata(client_, 0, handle, &metadata, 30'000), "metadata");
  const int partitions = metadata->topics[0].partition_cnt;
  rd_kafka_metadata_destroy(metadata);
  rd_kafka_topic_destroy(handle);
  rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(partitions);
  for (int partition = 0; partition < partitions; ++partition) {
    std::int64_t first = 0;
    std::int64_t end = 0;
    if (from == From::end) {
      check(rd_kafka_query_watermark_offsets(client_, topic.c_str(), partition, &first, &end, 30'000), "offsets");
    }
    rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset =
        from == From::end ? end : RD_KAFKA_OFFSET_BEGINNING;
  }
  check(rd_kafka_assign(client_, list), "assigning");
  rd_kafka_topic_partition_list_destroy(list);
  queue_ = rd_kafka_queue_get_consumer(client_);
}
BareReader::~BareReader() {
  rd_kafka_queue_destroy(queue_);
  rd_kafka_consumer_close(client_);
  rd_kafka_destroy(client_);
}

BareWriter::BareWriter(const Options& options, const std::string& topic)
    : client_(make_client(RD_KAFKA_PRODUCER, with(kafka::Producer::defaults(), options))),
      topic_(rd_kafka_topic_new(client_, topic.c_str(), nullptr)) {}
BareWriter::~BareWriter() {
  rd_kafka_flush(client_, 120'000);
  rd_kafka_topic_destroy(topic_);
  rd_kafka_destroy(client_);
}
void BareWriter::write(std::string_view key, std::string_view value, std::int32_t partition) {
  while (rd_kafka_produce(topic_, partition, RD_KAFKA_MSG_F_COPY, const_cast<char*>(value.data()), value.size(),
                          key.data(), key.size(), nullptr) != 0) {
    if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) check(rd_kafka_last_error(), "writing");
    rd_kafka_poll(client_, 10);
  }
}
void BareWriter::poll() { rd_kafka_poll(client_, 0); }
void BareWriter::flush() { check(rd_kafka_flush(client_, 120'000), "writing"); }

Figures measured(const std::function<std::uint64_t()>& run) {
  const auto begun = Clock::now();
  const double processor = processor_seconds();
  Figures figures;
  figures.written = run();
  figures.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  figures.processor = processor_seconds() - processor;
  return figures;
}

void print(const char* what, std::uint64_t count, const Figures& figures) {
  const auto records = static_cast<double>(count);
  fmt::print("{:<10} {:8.0f} krec/s {:6.2f} s/M of processor {:10} written\n", what, records / figures.seconds / 1e3,
             figures.processor / records * 1e6, figures.written);
  std::fflush(stdout);
}

double median(std::vector<double> values) { return percentile(values, 0.5); }

double percentile(std::vector<double>& values, double part) {
  if (values.empty()) throw std::runtime_error("nothing was measured");
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(part * static_cast<double>(values.size())))];
}

kafka::Settings settings_of(const Options& options) {
  kafka::Settings settings;
  settings.properties["bootstrap.servers"] = options.brokers;
  settings.runtime.workers = options.workers;
  settings.reading_threads = options.reading_threads;
  settings.runtime.step_rows = options.step_rows;
  settings.step.rows = options.step_rows;
  return settings;
}

kafka::Status run_to_end(const kafka::Application& application, const kafka::Settings& settings) {
  kafka::Settings to_end = settings;
  to_end.until_end = true;
  const auto run = application.start(to_end);
  while (run->runs()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  run->stop();
  return run->status();
}

}  // namespace lockstep::kafka_bench
