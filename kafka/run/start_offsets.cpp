#include "kafka/run/start_offsets.hpp"

#include <fmt/format.h>

#include <optional>

#include "kafka/error.hpp"

namespace lockstep::kafka {

namespace {

/// Of a consumer that looks at the offsets of another group.
Properties without_group(Properties properties) {
  properties.erase("group.id");
  return properties;
}

/// What the start says of partitions one by one, or the cluster has to be asked for.
std::vector<std::optional<std::int64_t>> said_offsets(const Start& start, const std::vector<TopicPartition>& partitions,
                                                      Consumer& client, const Properties& properties, const Log& log) {
  switch (start.kind()) {
    case Start::Kind::time: return client.offsets_at(partitions, start.since().time_since_epoch().count());
    case Start::Kind::committed: return Consumer(without_group(properties), start.group(), log).committed(partitions);
    default: break;
  }
  std::vector<std::optional<std::int64_t>> said(partitions.size());
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    for (const auto& [partition, offset] : start.offsets()) {
      if (partition == partitions[i] && !said[i]) said[i] = offset;
    }
  }
  return said;
}

}  // namespace

std::vector<std::int64_t> start_offsets(const Start& start, const std::vector<TopicPartition>& partitions,
                                        const std::vector<Consumer::Offsets>& there, Consumer& client,
                                        const Properties& properties, const Log& log) {
  const auto said = said_offsets(start, partitions, client, properties, log);
  // Of what has come since, all is after the time.
  const bool is_at_end = start.kind() == Start::Kind::latest || start.kind() == Start::Kind::time;
  std::vector<std::int64_t> offsets;
  offsets.reserve(partitions.size());
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const auto [first, end] = there[i];
    const std::int64_t offset = said[i].value_or(is_at_end ? end : first);
    if (start.kind() != Start::Kind::time && (offset < first || offset > end)) {
      throw KafkaError(fmt::format("{} is to be read from offset {}, and what is there are {} to {}",
                                   to_string(partitions[i]), offset, first, end));
    }
    offsets.push_back(offset);
  }
  return offsets;
}

}  // namespace lockstep::kafka
