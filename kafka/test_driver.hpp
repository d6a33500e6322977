#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kafka/application.hpp"
#include "kafka/dead_letters.hpp"
#include "kafka/record.hpp"
#include "runtime/clock/options.hpp"
#include "runtime/runtime.hpp"

namespace lockstep::kafka {

/// A record of a topic that a TestDriver is given, or gives. Its offset is the next of its partition.
struct TestRecord {
  std::optional<std::string> key = {};
  std::optional<std::string> value = {};
  std::int32_t partition = 0;
  std::int64_t timestamp = 0;  // in milliseconds since 1970
  Headers headers = {};

  friend bool operator==(const TestRecord&, const TestRecord&) = default;
};

/// All of an application without a broker, for unit tests: records in, steps by hand, records out.
///
///     kafka::TestDriver driver(app);
///     driver.write("lines", "to be or not to be");
///     driver.step();
///     CHECK(driver.upserts("counts").at("be") == "2");
///
/// Records pass through the application's formats, sources and sinks as they would from a broker. Each topic has
/// `partitions`, which hold watermarks back as they do in a run, and gets one more where that is written to; those of a
/// pattern are there when they are written to. A sink's function gets to choose among `partitions`, and what it leaves
/// to the key's hash is in partition 0.
class TestDriver {
 public:
  /// The application has to be there as long as it is.
  explicit TestDriver(const Application& application, const RuntimeOptions& options = {}, std::int32_t partitions = 1,
                      const Properties& formats = {});
  TestDriver(const TestDriver&) = delete;
  ~TestDriver();

  /// Throws UsageError if the application reads no such topic; KafkaError if it fails of the record.
  void write(const std::string& topic, TestRecord record);
  /// A record without a key.
  void write(const std::string& topic, std::string value) { write(topic, {.key = {}, .value = std::move(value)}); }

  /// As when a partition has had nothing for SourceOptions::idle_after: it holds no watermark back until it has
  /// something again. Throws UsageError if the application reads no such partition, or it never is idle.
  void set_idle(const std::string& topic, std::int32_t partition = 0);

  /// One step of all that was written since the last one. Returns it. Throws StepFailed, and KafkaError as a run does
  /// if it cannot be written.
  Step step();

  /// What has been written to a topic since this was last called. Throws UsageError if the application writes no such
  /// topic.
  std::vector<TestRecord> read(const std::string& topic);
  /// The last value of each key, of all that was ever written, but for those that have none.
  std::map<std::string, std::string> upserts(const std::string& topic) const;

  Runtime& runtime() { return runtime_; }

 private:
  class Topic;
  struct Source;
  struct Sink {
    std::string output;
    std::string topic;
    std::unique_ptr<Writer> writer;
    Topic& records;
  };

  Topic& made(const std::string& topic);
  /// Throws UsageError if it is not written.
  Topic& written(const std::string& topic) const;

  Runtime runtime_;
  const std::int32_t partitions_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<Sink> sinks_;
  std::map<std::string, std::unique_ptr<Topic>> topics_;  // that are written
};

}  // namespace lockstep::kafka
