#pragma once

#include <stdexcept>

namespace lockstep::kafka {

/// What goes wrong with Kafka; names the cluster, topic or topic-partition.
class KafkaError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// There is no such topic, as far as the cluster knows.
class NoTopic : public KafkaError {
 public:
  using KafkaError::KafkaError;
};

/// A record is larger than the client may send: `message.max.bytes`.
class RecordTooLarge : public KafkaError {
 public:
  using KafkaError::KafkaError;
};

}  // namespace lockstep::kafka
