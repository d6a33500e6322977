#include "kafka/sink.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace lockstep::kafka {

void throw_no_partition(std::int32_t partition, std::int32_t partitions) {
  throw std::out_of_range(fmt::format("a record is to go to partition {}: the topic has {}", partition, partitions));
}

}  // namespace lockstep::kafka
