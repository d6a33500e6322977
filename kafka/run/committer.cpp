#include "kafka/run/committer.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "kafka/error.hpp"

namespace lockstep::kafka {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// How long who waits for steps to be written may have to wait before it is noticed.
constexpr milliseconds kLook{5};
/// How often group offsets are shown.
constexpr milliseconds kShow{1'000};

}  // namespace

class Committer::Topic final : public RecordSink {
 public:
  Topic(Producer& producer, std::string name)
      : producer_(producer), name_(std::move(name)), number_(producer.topic(name_)) {}
  std::int32_t partitions() const override { return producer_.partitions(number_); }
  void write(const NewRecord& record) override {
    producer_.produce(number_, record);
    records_.store(records_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  const std::string& name() const { return name_; }
  std::uint64_t records() const { return records_.load(std::memory_order_relaxed); }

 private:
  Producer& producer_;
  const std::string name_;
  const std::size_t number_;
  std::atomic<std::uint64_t> records_{0};  // of one thread
};

Committer::Committer(Subscription steps, std::function<void(const std::vector<SessionCursor>&)> show, Log log,
                     std::function<void(std::string_view)> on_point)
    : steps_(std::move(steps)), show_(std::move(show)), log_(std::move(log)), on_point_(std::move(on_point)) {}
Committer::~Committer() = default;

std::unique_ptr<Committer::Topic> Committer::open(const std::string& topic, const Properties& properties) {
  return std::make_unique<Topic>(producers_.try_emplace(properties, properties, log_).first->second, topic);
}
void Committer::add(const std::string& output, const std::string& topic, const Properties& properties,
                    std::unique_ptr<Writer> writer) {
  sinks_.push_back({output, open(topic, properties), std::move(writer)});
}
void Committer::add(const std::string& topic, const Properties& properties, DeadLetters& letters) {
  letters_.push_back({open(topic, properties), &letters});
}

void Committer::run() {
  auto show_at = steady_clock::now() + kShow;
  for (;;) {
    if (steps_.wait_for(kLook)) {
      const std::optional<Step> step = steps_.next();
      if (!step) break;
      write(*step);
    }
    const bool shows = steady_clock::now() >= show_at;
    if ((shows && !cursors_.empty()) || wanted_.load(std::memory_order_relaxed) > written_) {
      flush();
    } else if (shows) {
      show_({});  // what could not be shown
    }
    if (shows) show_at = steady_clock::now() + kShow;
  }
  flush();
}

void Committer::write(const Step& step) {
  if (on_point_) on_point_("a step is taken");
  for (const Sink& sink : sinks_) kafka::write(*sink.writer, step, *sink.topic, sink.output, sink.topic->name());
  for (const Letters& one : letters_) {
    one.letters->take(step.cut(), [&](const NewRecord& record) { write(*one.topic, record); });
  }
  for (const SessionCursor& one : step.cut()) cursors_[one.session] = one.cursor;
  taken_ = step.number();
  if (on_point_) on_point_("a step is written");
}

/// A letter that is too large goes without its value: it is where its headers say.
void Committer::write(Topic& topic, const NewRecord& letter) {
  try {
    topic.write(letter);
  } catch (const RecordTooLarge& error) {
    if (log_) log_(LogLevel::warning, std::string(error.what()) + ": the dead letter goes without its value");
    NewRecord without = letter;
    without.value = std::nullopt;
    topic.write(without);
  }
}

void Committer::flush() {
  for (auto& [properties, producer] : producers_) producer.flush();
  if (on_point_) on_point_("all is written");
  std::vector<SessionCursor> cut;
  for (const auto& [session, cursor] : cursors_) cut.push_back({session, cursor});
  cursors_.clear();
  show_(cut);
  {
    const std::lock_guard lock(mutex_);
    written_ = taken_;
    written_at_ = steady_clock::now();
  }
  news_.notify_all();
}

void Committer::give_up_after(std::chrono::milliseconds time) {
  for (auto& [properties, producer] : producers_) producer.give_up_after(time);
}

void Committer::show(Status& status) const {
  for (const Sink& sink : sinks_) {
    status.sinks.push_back({sink.output, sink.topic->name(), sink.topic->records()});
    status.records_written += sink.topic->records();
  }
  for (const Letters& one : letters_) {
    status.sinks.push_back({"dead letters", one.topic->name(), one.topic->records()});
  }
  const std::lock_guard lock(mutex_);
  status.last_commit = written_;
  if (written_at_) status.since_commit = steady_clock::now() - *written_at_;
}

void Committer::fail(std::exception_ptr error) {
  const Subscription gone = std::move(steps_);  // so that the clock does not wait for its being read
  {
    const std::lock_guard lock(mutex_);
    error_ = std::move(error);
  }
  news_.notify_all();
}

void Committer::wait_for(std::uint64_t step) {
  std::uint64_t wanted = wanted_.load(std::memory_order_relaxed);
  while (wanted < step && !wanted_.compare_exchange_weak(wanted, step, std::memory_order_relaxed)) {
  }
  std::unique_lock lock(mutex_);
  news_.wait(lock, [&] { return written_ >= step || error_ != nullptr; });
  if (written_ < step) std::rethrow_exception(error_);
}

}  // namespace lockstep::kafka
