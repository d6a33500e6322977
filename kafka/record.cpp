#include "kafka/record.hpp"

#include <fmt/format.h>

namespace lockstep::kafka {

std::string to_string(const TopicPartition& partition) {
  return fmt::format("{}[{}]", partition.topic, partition.partition);
}

}  // namespace lockstep::kafka
