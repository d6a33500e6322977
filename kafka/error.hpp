#pragma once

#include <stdexcept>

namespace lockstep::kafka {

/// What goes wrong with Kafka; names the cluster, topic or topic-partition.
class KafkaError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace lockstep::kafka
