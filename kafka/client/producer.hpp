#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kafka/client/properties.hpp"

namespace lockstep::kafka {

/// Writes records, without transactions: each is there once when flush() has returned, in the order of its partition.
/// One thread at a time.
class Producer {
 public:
  /// What it sets, unless the user does.
  static const Properties& defaults();

  /// Throws KafkaError.
  explicit Producer(const Properties& properties);
  Producer(const Producer&) = delete;
  /// What is not flushed is given up.
  ~Producer();

  /// A topic to write to, by its number. Throws KafkaError if it is not there.
  std::size_t topic(const std::string& name);
  /// By the hash of the key, as the Java client does; without a key, anywhere. Waits while too much is on its way.
  /// Throws KafkaError if it cannot be written, or what was written before could not.
  void produce(std::size_t topic, std::optional<std::string_view> key, std::optional<std::string_view> value);
  /// Sends what waits, and waits until all is there. Throws KafkaError if some of it could not be written.
  void flush();
  std::uint64_t produced() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockstep::kafka
