#pragma once

#include <cstdint>
#include <vector>

#include "kafka/client/consumer.hpp"
#include "kafka/source.hpp"

namespace lockstep::kafka {

/// From where on partitions are read that were not read before, by a client, and by another one of those properties if
/// the offsets of a group are asked for. `there`: what each of them has. Throws KafkaError.
std::vector<std::int64_t> start_offsets(const Start& start, const std::vector<TopicPartition>& partitions,
                                        const std::vector<Consumer::Offsets>& there, Consumer& client,
                                        const Properties& properties, const Log& log);

}  // namespace lockstep::kafka
