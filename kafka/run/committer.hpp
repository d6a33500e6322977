#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka/client/producer.hpp"
#include "kafka/dead_letters.hpp"
#include "kafka/log.hpp"
#include "kafka/sink.hpp"
#include "kafka/status.hpp"
#include "runtime/steps/subscription.hpp"

namespace lockstep::kafka {

/// Writes every step to the sinks, in order.
class Committer {
 public:
  /// `show`: gets the cut up to which all is written, now and then; or an empty one, as nothing is new.
  Committer(Subscription steps, std::function<void(const std::vector<SessionCursor>&)> show, Log log,
            std::function<void(std::string_view)> on_point = {});
  ~Committer();

  // Before run(). Throws KafkaError if there is no such topic.

  /// `output`: what it is called in the status.
  void add(const std::string& output, const std::string& topic, const Properties& properties,
           std::unique_ptr<Writer> writer);
  void add(const std::string& topic, const Properties& properties, DeadLetters& letters);
  /// Until the steps end; then all is written. Throws KafkaError, StepFailed.
  void run();
  /// run() has thrown this: who waits must not.
  void fail(std::exception_ptr error);

  /// Blocks until all steps up to this one are written. Throws what run() has thrown, if they will not be. Any thread.
  void wait_for(std::uint64_t step);
  /// From now on run() throws if nothing of what waits has got to its topic for so long. Any thread.
  void give_up_after(std::chrono::milliseconds time);
  /// Adds to a status: what is written, and up to where. Any thread.
  void show(Status& status) const;

 private:
  /// A topic of a producer.
  class Topic;
  struct Sink {
    std::string output;
    std::unique_ptr<Topic> topic;
    std::unique_ptr<Writer> writer;
  };
  struct Letters {
    std::unique_ptr<Topic> topic;
    DeadLetters* letters;
  };

  std::unique_ptr<Topic> open(const std::string& topic, const Properties& properties);
  void write(const Step& step);
  void write(Topic& topic, const NewRecord& letter);
  void flush();

  Subscription steps_;
  std::map<Properties, Producer> producers_;  // topics whose clients are alike share one
  std::vector<Sink> sinks_;
  std::vector<Letters> letters_;
  const std::function<void(const std::vector<SessionCursor>&)> show_;
  const Log log_;
  const std::function<void(std::string_view)> on_point_;
  std::map<std::uint64_t, std::uint64_t> cursors_;  // by session, that have moved since the last were shown
  std::uint64_t taken_ = 0;                         // the last step
  std::atomic<std::uint64_t> wanted_{0};

  mutable std::mutex mutex_;
  std::condition_variable news_;
  std::uint64_t written_ = 0;
  std::optional<std::chrono::steady_clock::time_point> written_at_;
  std::exception_ptr error_;
};

}  // namespace lockstep::kafka
