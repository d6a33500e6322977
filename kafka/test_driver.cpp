#include "kafka/test_driver.hpp"

#include <fmt/format.h>

#include <string_view>

#include "runtime/faults/errors.hpp"

namespace lockstep::kafka {

class TestDriver::Topic final : public RecordSink {
 public:
  explicit Topic(std::int32_t partitions) : partitions_(partitions) {}
  std::int32_t partitions() const override { return partitions_; }
  void write(const NewRecord& record) override {
    records.push_back({.key = owned(record.key),
                       .value = owned(record.value),
                       .partition = std::max(record.partition, 0),
                       .timestamp = record.timestamp,
                       .headers = record.headers == nullptr ? Headers() : *record.headers});
  }

  std::vector<TestRecord> records;
  std::size_t read = 0;

 private:
  const std::int32_t partitions_;
};

/// One of the application's sources, with the partitions that are there.
struct TestDriver::Source {
  struct Partition {
    std::unique_ptr<Feed> feed;
    std::int64_t next = 0;
  };

  Source(const Application::Source& of, const Properties& formats)
      : source(&of), make_feed(of.open(of.topics.context(formats))) {}

  const Application::Source* source;
  MakeFeed make_feed;
  DeadLetters dead_letters = {};
  Topic* letters = nullptr;
  std::map<TopicPartition, Partition> partitions = {};

  /// As a run opens them: each holds the watermark back until it has had something.
  Partition& partition(Runtime& runtime, const TopicPartition& name) {
    const auto [found, is_new] = partitions.try_emplace(name);
    if (is_new) {
      const auto session =
          runtime.open_named_session(session_prefix(source->input, source->options.cluster) + kafka::to_string(name));
      found->second.feed =
          make_feed(session, {source->options.bad_records, letters == nullptr ? nullptr : &dead_letters});
      found->second.feed->set_idle(false);
      session->move_cursor(0);
    }
    return found->second;
  }
  void make_topic(Runtime& runtime, const std::string& topic, std::int32_t count) {
    for (std::int32_t i = 0; i < count; ++i) partition(runtime, {topic, i});
  }
};

TestDriver::TestDriver(const Application& application, const RuntimeOptions& options, std::int32_t partitions,
                       const Properties& formats)
    : runtime_(application.flow_, options), partitions_(partitions) {
  for (const Application::Source& source : application.sources_) {
    sources_.push_back(std::make_unique<Source>(source, formats));
    if (!source.options.dead_letters.empty()) sources_.back()->letters = &made(source.options.dead_letters);
    if (!source.topics.is_pattern()) sources_.back()->make_topic(runtime_, source.topics.name, partitions_);
  }
  for (const Application::Sink& sink : application.sinks_) {
    sinks_.push_back(
        {sink.output, sink.topic, sink.open({.topic = sink.topic, .properties = formats}), made(sink.topic)});
  }
}
TestDriver::~TestDriver() = default;

TestDriver::Topic& TestDriver::made(const std::string& topic) {
  std::unique_ptr<Topic>& found = topics_[topic];
  if (found == nullptr) found = std::make_unique<Topic>(partitions_);
  return *found;
}

void TestDriver::write(const std::string& topic, TestRecord record) {
  bool is_read = false;
  for (const auto& source : sources_) {
    if (!source->source->topics.has(topic)) continue;
    is_read = true;
    if (source->source->topics.is_pattern()) source->make_topic(runtime_, topic, partitions_);
    Source::Partition& partition = source->partition(runtime_, {topic, record.partition});
    RecordView view;
    view.topic = topic;
    view.partition = record.partition;
    view.offset = partition.next++;
    if (record.key) view.key = *record.key;
    if (record.value) view.value = *record.value;
    view.timestamp = record.timestamp;
    view.timestamp_kind = TimestampKind::create;
    view.headers = &record.headers;
    view.walk = [](const void* headers, RecordView::Header function) {
      for (const auto& [name, value] : *static_cast<const Headers*>(headers)) {
        function(name, value ? std::optional<std::string_view>(*value) : std::nullopt);
      }
    };
    partition.feed->add(view);
    partition.feed->commit(static_cast<std::uint64_t>(partition.next), 0);
  }
  if (!is_read) throw UsageError(fmt::format("the application reads no topic '{}'", topic));
}

void TestDriver::set_idle(const std::string& topic, std::int32_t partition) {
  bool is_read = false;
  for (const auto& source : sources_) {
    const auto found = source->partitions.find({topic, partition});
    if (found == source->partitions.end() || source->source->options.idle_after.count() == 0) continue;
    is_read = true;
    found->second.feed->set_idle(true);
  }
  if (!is_read) {
    throw UsageError(fmt::format("the application reads no {} that may be idle: by SourceOptions::idle_after",
                                 kafka::to_string(TopicPartition{topic, partition})));
  }
}

Step TestDriver::step() {
  Step step = runtime_.step();
  for (const Sink& sink : sinks_) kafka::write(*sink.writer, step, sink.records, sink.output, sink.topic);
  for (const auto& source : sources_) {
    if (source->letters == nullptr) continue;
    source->dead_letters.take(step.cut(), [&source](const NewRecord& record) { source->letters->write(record); });
  }
  return step;
}

TestDriver::Topic& TestDriver::written(const std::string& topic) const {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) throw UsageError(fmt::format("the application writes no topic '{}'", topic));
  return *found->second;
}

std::vector<TestRecord> TestDriver::read(const std::string& topic) {
  Topic& of = written(topic);
  std::vector<TestRecord> records(of.records.begin() + static_cast<std::ptrdiff_t>(of.read), of.records.end());
  of.read = of.records.size();
  return records;
}

std::map<std::string, std::string> TestDriver::upserts(const std::string& topic) const {
  std::map<std::string, std::string> upserts;
  for (const TestRecord& record : written(topic).records) {
    if (record.value) {
      upserts[record.key.value_or("")] = *record.value;
    } else {
      upserts.erase(record.key.value_or(""));
    }
  }
  return upserts;
}

}  // namespace lockstep::kafka
