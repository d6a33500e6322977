#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka/application.hpp"

// The bare client: what a program does that is written against librdkafka by hand, with the library's settings, so that
// both do the same. And what measures both.

namespace lockstep::kafka_bench {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string brokers = "localhost:19092";
  std::uint64_t records = 1'000'000;
  std::uint64_t keys = 10'000;
  int partitions = 4;
  unsigned rounds = 3;
  unsigned workers = 1;
  std::size_t step_rows = 200;
  unsigned reading_threads = 0;
  std::uint64_t rate = 100'000;
};

void check(rd_kafka_resp_err_t error, const char* what);
/// A topic that no other run has; it goes with the process.
std::string make_topic(const Options& options, const char* kind, int partitions);
/// Writes records, in partitions from 0 on in turn, or by key if it is 0: record(i, key, value) sets those of the i-th.
void write(const Options& options, const std::string& topic, int partitions,
           const std::function<void(std::uint64_t, std::string& key, std::string& value)>& record);

/// Reads a topic from its beginning, or from its end.
class BareReader {
 public:
  enum class From { beginning, end };
  BareReader(const Options& options, const std::string& topic, From from = From::beginning);
  BareReader(const BareReader&) = delete;
  ~BareReader();
  /// Calls function for what is there; waits for a while, if nothing is. Returns how many records.
  template <class Function>
  std::size_t read(int wait_ms, const Function& function) {
    // A batch is waited for until it is full.
    auto count = rd_kafka_consume_batch_queue(queue_, 0, messages_.data(), messages_.size());
    if (count <= 0) {
      messages_[0] = rd_kafka_consume_queue(queue_, wait_ms);
      count = messages_[0] == nullptr ? 0 : 1;
    }
    std::size_t records = 0;
    for (ssize_t i = 0; i < count; ++i) {
      rd_kafka_message_t* const message = messages_[static_cast<std::size_t>(i)];
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        function(*message);
        ++records;
      }
      rd_kafka_message_destroy(message);
    }
    return records;
  }

 private:
  rd_kafka_t* client_ = nullptr;
  rd_kafka_queue_t* queue_ = nullptr;
  std::vector<rd_kafka_message_t*> messages_;
};

class BareWriter {
 public:
  BareWriter(const Options& options, const std::string& topic);
  BareWriter(const BareWriter&) = delete;
  ~BareWriter();
  void write(std::string_view key, std::string_view value, std::int32_t partition = RD_KAFKA_PARTITION_UA);
  void poll();
  void flush();

 private:
  rd_kafka_t* client_ = nullptr;
  rd_kafka_topic_t* topic_ = nullptr;
};

inline std::string_view text(const void* data, std::size_t size) { return {static_cast<const char*>(data), size}; }

/// What one run took.
struct Figures {
  double seconds = 0;
  double processor = 0;  // of this process
  std::uint64_t written = 0;
};
Figures measured(const std::function<std::uint64_t()>& run);
/// `bare  1063 krec/s  0.60 s/M of processor  1000000 written`
void print(const char* what, std::uint64_t records, const Figures& figures);
double median(std::vector<double> values);
double percentile(std::vector<double>& values, double part);

kafka::Settings settings_of(const Options& options);
/// Runs until all is read that was there. Returns its last status.
kafka::Status run_to_end(const kafka::Application& application, const kafka::Settings& settings);

}  // namespace lockstep::kafka_bench
