#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "kafka/log.hpp"
#include "kafka/properties.hpp"
#include "kafka/record.hpp"

namespace lockstep::kafka {

/// Writes records, without transactions: each is there once when flush() has returned, in the order of its partition.
/// One thread at a time.
class Producer {
 public:
  /// What it sets, unless the user does.
  static const Properties& defaults();

  /// Throws KafkaError.
  explicit Producer(const Properties& properties, Log log = {});
  Producer(const Producer&) = delete;
  /// What is not flushed is given up.
  ~Producer();

  /// A topic to write to, by its number. Throws KafkaError if it is not there.
  std::size_t topic(const std::string& name);
  std::int32_t partitions(std::size_t topic) const;
  /// Waits while too much is on its way. Throws KafkaError if it cannot be written, or what was written before could
  /// not.
  void produce(std::size_t topic, const NewRecord& record);
  /// Sends what waits, and waits until all is there. Throws KafkaError if some of it could not be written.
  void flush();
  /// From now on produce() and flush() throw if nothing has got there for so long. Any thread.
  void give_up_after(std::chrono::milliseconds time);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockstep::kafka
