#include "kafka/run/committer.hpp"

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

Committer::Committer(Subscription steps, const Properties& properties,
                     std::function<void(const std::vector<SessionCursor>&)> show)
    : steps_(std::move(steps)), producer_(properties), show_(std::move(show)) {}

void Committer::add(const std::string& topic, std::unique_ptr<Writer> writer) {
  sinks_.push_back({producer_.topic(topic), std::move(writer)});
}

void Committer::run() {
  auto show_at = steady_clock::now() + kShow;
  for (;;) {
    if (steps_.wait_for(kLook)) {
      const std::optional<Step> step = steps_.next();
      if (!step) break;
      write(*step);
    }
    const bool shows = !cursors_.empty() && steady_clock::now() >= show_at;
    if (shows || wanted_.load(std::memory_order_relaxed) > written_) flush();
    if (shows) show_at = steady_clock::now() + kShow;
  }
  flush();
}

void Committer::write(const Step& step) {
  for (const Sink& sink : sinks_) sink.writer->write(step, producer_, sink.topic);
  for (const SessionCursor& one : step.cut()) cursors_[one.session] = one.cursor;
  taken_ = step.number();
  records_.store(producer_.produced(), std::memory_order_relaxed);
}

void Committer::flush() {
  producer_.flush();
  std::vector<SessionCursor> cut;
  for (const auto& [session, cursor] : cursors_) cut.push_back({session, cursor});
  cursors_.clear();
  show_(cut);
  {
    const std::lock_guard lock(mutex_);
    written_ = taken_;
  }
  news_.notify_all();
}

void Committer::fail() {
  const Subscription gone = std::move(steps_);  // so that the clock does not wait for its being read
  {
    const std::lock_guard lock(mutex_);
    failed_ = true;
  }
  news_.notify_all();
}

void Committer::wait_for(std::uint64_t step) {
  std::uint64_t wanted = wanted_.load(std::memory_order_relaxed);
  while (wanted < step && !wanted_.compare_exchange_weak(wanted, step, std::memory_order_relaxed)) {
  }
  std::unique_lock lock(mutex_);
  news_.wait(lock, [&] { return written_ >= step || failed_; });
  if (written_ < step) throw KafkaError("what the checkpoint's step gave could not be written");
}

}  // namespace lockstep::kafka
