#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kafka/client/producer.hpp"
#include "kafka/sink.hpp"
#include "runtime/steps/subscription.hpp"

namespace lockstep::kafka {

/// Writes every step to the sinks, in order.
class Committer {
 public:
  /// `show`: gets the cut up to which all is written, now and then.
  Committer(Subscription steps, const Properties& properties,
            std::function<void(const std::vector<SessionCursor>&)> show);

  /// Before run(). Throws KafkaError if there is no such topic.
  void add(const std::string& topic, std::unique_ptr<Writer> writer);
  /// Until the steps end; then all is written. Throws KafkaError, FormatError, StepFailed.
  void run();
  /// run() has thrown: who waits must not.
  void fail();

  /// Blocks until all steps up to this one are written. Throws KafkaError if they will not be. Any thread.
  void wait_for(std::uint64_t step);
  std::uint64_t records() const { return records_.load(std::memory_order_relaxed); }

 private:
  struct Sink {
    std::size_t topic;
    std::unique_ptr<Writer> writer;
  };

  void write(const Step& step);
  void flush();

  Subscription steps_;
  Producer producer_;
  std::vector<Sink> sinks_;
  const std::function<void(const std::vector<SessionCursor>&)> show_;
  std::map<std::uint64_t, std::uint64_t> cursors_;  // by session, that have moved since the last were shown
  std::uint64_t taken_ = 0;                         // the last step
  std::atomic<std::uint64_t> records_{0};
  std::atomic<std::uint64_t> wanted_{0};

  std::mutex mutex_;
  std::condition_variable news_;
  std::uint64_t written_ = 0;
  bool failed_ = false;
};

}  // namespace lockstep::kafka
