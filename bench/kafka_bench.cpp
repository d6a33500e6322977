#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <lockstep_kafka.hpp>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "kafka/client/consumer.hpp"
#include "kafka/client/producer.hpp"

// Counts records by key from topic to topic, at least once, beside a bare client that does the same reads and writes on
// the same broker, round after round: rates, and processor seconds of this process for a million records.

namespace ls = lockstep;
namespace kafka = lockstep::kafka;
using Clock = std::chrono::steady_clock;

namespace {

struct Options {
  std::string brokers = "localhost:19092";
  std::uint64_t records = 3'000'000;
  std::uint64_t keys = 10'000;
  int partitions = 4;
  unsigned rounds = 3;
  unsigned workers = 1;
  std::size_t step_rows = 200;
};

void check(rd_kafka_resp_err_t error, const char* what) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw std::runtime_error(fmt::format("{}: {}", what, rd_kafka_err2str(error)));
}

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

/// What the library sets, so that both do the same.
kafka::Properties producer_properties(const Options& options) {
  kafka::Properties properties = kafka::Producer::defaults();
  properties["bootstrap.servers"] = options.brokers;
  return properties;
}
kafka::Properties consumer_properties(const Options& options, const std::string& group) {
  kafka::Properties properties = kafka::Consumer::defaults();
  properties["bootstrap.servers"] = options.brokers;
  properties["group.id"] = group;
  return properties;
}

std::string make_topic(const Options& options, const std::string& kind, int partitions) {
  static int made = 0;
  const std::string name = fmt::format("bench-{}-{}-{}", kind, getpid(), made++);
  char why[512];
  rd_kafka_t* const client = make_client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", options.brokers}});
  rd_kafka_NewTopic_t* topics[] = {rd_kafka_NewTopic_new(name.c_str(), partitions, 1, why, sizeof why)};
  rd_kafka_queue_t* const queue = rd_kafka_queue_new(client);
  rd_kafka_CreateTopics(client, topics, 1, nullptr, queue);
  rd_kafka_event_t* const event = rd_kafka_queue_poll(queue, 30'000);
  if (event == nullptr) throw std::runtime_error("the broker does not answer");
  check(rd_kafka_event_error(event), "making a topic");
  rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  rd_kafka_NewTopic_destroy(topics[0]);
  rd_kafka_destroy(client);
  return name;
}

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Figures {
  double seconds = 0;
  double processor = 0;
  std::uint64_t written = 0;
};

/// Runs a function that returns how many records it has written.
template <class Function>
Figures measured(Function&& function) {
  const auto begun = Clock::now();
  const double processor = processor_seconds();
  Figures figures;
  figures.written = function();
  figures.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  figures.processor = processor_seconds() - processor;
  return figures;
}

void produce(rd_kafka_t* client, rd_kafka_topic_t* topic, std::string_view key, std::string_view value) {
  while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, const_cast<char*>(value.data()),
                          value.size(), key.data(), key.size(), nullptr) != 0) {
    check(rd_kafka_last_error() == RD_KAFKA_RESP_ERR__QUEUE_FULL ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error(),
          "writing");
    rd_kafka_poll(client, 10);
  }
}

void flush_and_destroy(rd_kafka_t* client, rd_kafka_topic_t* topic) {
  check(rd_kafka_flush(client, 120'000), "writing");
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(client);
}

void write_input(const Options& options, const std::string& topic) {
  rd_kafka_t* const client = make_client(RD_KAFKA_PRODUCER, producer_properties(options));
  rd_kafka_topic_t* const to = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  std::mt19937_64 random(1);
  for (std::uint64_t i = 0; i < options.records; ++i) {
    produce(client, to, fmt::format("{:05}", random() % options.keys), fmt::format("{:08}", i % 100'000'000));
  }
  flush_and_destroy(client, to);
}

std::uint64_t bare(const Options& options, const std::string& from, const std::string& to) {
  rd_kafka_t* const in = make_client(RD_KAFKA_CONSUMER, consumer_properties(options, "bare-" + to));
  rd_kafka_t* const out = make_client(RD_KAFKA_PRODUCER, producer_properties(options));
  rd_kafka_topic_t* const topic = rd_kafka_topic_new(out, to.c_str(), nullptr);
  rd_kafka_poll_set_consumer(in);
  rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(options.partitions);
  for (int partition = 0; partition < options.partitions; ++partition) {
    rd_kafka_topic_partition_list_add(list, from.c_str(), partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  check(rd_kafka_assign(in, list), "assigning");
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_queue_t* const queue = rd_kafka_queue_get_consumer(in);
  std::unordered_map<std::string, std::int64_t> counts;
  std::vector<rd_kafka_message_t*> messages(10'000);
  std::uint64_t written = 0;
  for (std::uint64_t read = 0; read < options.records;) {
    const auto count = rd_kafka_consume_batch_queue(queue, 100, messages.data(), messages.size());
    for (ssize_t i = 0; i < count; ++i) {
      const rd_kafka_message_t& message = *messages[static_cast<std::size_t>(i)];
      if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const std::string key(static_cast<const char*>(message.key), message.key_len);
        const std::string total = std::to_string(++counts[key]);
        produce(out, topic, key, total);
        ++written;
        ++read;
      }
      rd_kafka_message_destroy(messages[static_cast<std::size_t>(i)]);
    }
    rd_kafka_poll(out, 0);
  }
  flush_and_destroy(out, topic);
  rd_kafka_queue_destroy(queue);
  rd_kafka_consumer_close(in);
  rd_kafka_destroy(in);
  return written;
}

std::uint64_t engine(const Options& options, const std::string& from, const std::string& to) {
  using Pair = std::pair<std::string, std::string>;
  ls::Dataflow flow;
  const auto in = flow.input<Pair>("in", {.append_only = true});
  const auto counts = in | ls::group_by(&Pair::first, ls::count()) | ls::output("counts");
  kafka::Application app("engine-" + to, flow);
  app.read(in, from, kafka::keyed(kafka::text(), kafka::text()));
  app.write(counts, to, kafka::upsert(kafka::text(), kafka::text()));
  kafka::Settings settings;
  settings.properties["bootstrap.servers"] = options.brokers;
  settings.runtime.workers = options.workers;
  settings.runtime.step_rows = options.step_rows;
  settings.step.rows = options.step_rows;
  settings.until_end = true;
  const auto run = app.start(settings);
  while (run->runs()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  run->stop();
  if (run->status().records_read != options.records) throw std::runtime_error("not all was read");
  return run->status().records_written;
}

void print(const char* what, const Options& options, const Figures& figures) {
  const auto records = static_cast<double>(options.records);
  fmt::print("{:<8} {:8.0f} krec/s {:6.2f} s/M of processor {:10} written\n", what, records / figures.seconds / 1e3,
             figures.processor / records * 1e6, figures.written);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Counts by key between topics, beside a bare client.");
  app.add_option("--brokers", options.brokers, "tools/kafka start")->capture_default_str();
  app.add_option("--records", options.records)->capture_default_str();
  app.add_option("--keys", options.keys)->capture_default_str();
  app.add_option("--partitions", options.partitions)->capture_default_str();
  app.add_option("--rounds", options.rounds)->capture_default_str();
  app.add_option("--workers", options.workers)->capture_default_str();
  app.add_option("--step-rows", options.step_rows)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const std::string from = make_topic(options, "in", options.partitions);
  write_input(options, from);
  std::vector<double> rates;
  std::vector<double> processor;
  for (unsigned round = 0; round < options.rounds; ++round) {
    const std::string bare_to = make_topic(options, "bare", options.partitions);
    const std::string to = make_topic(options, "engine", options.partitions);
    const Figures of_bare = measured([&] { return bare(options, from, bare_to); });
    const Figures of_engine = measured([&] { return engine(options, from, to); });
    print("bare", options, of_bare);
    print("lockstep", options, of_engine);
    rates.push_back(of_bare.seconds / of_engine.seconds);
    processor.push_back(of_engine.processor / of_bare.processor);
  }
  std::sort(rates.begin(), rates.end());
  std::sort(processor.begin(), processor.end());
  fmt::print("rate {:.2f} x, processor {:.2f} x the bare client's (medians)\n", rates[rates.size() / 2],
             processor[processor.size() / 2]);
}
