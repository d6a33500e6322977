#include "kafka/run/last_record.hpp"

#include "runtime/rows/hash.hpp"

namespace lockstep::kafka {

namespace {

std::uint64_t hash(std::uint64_t seed, std::optional<std::string_view> bytes) {
  return bytes ? XXH3_64bits_withSeed(bytes->data(), bytes->size(), seed) : seed + 1;
}

}  // namespace

LastRecord::LastRecord(const RecordView& record)
    : offset_(record.offset),
      hash_(hash(hash(static_cast<std::uint64_t>(record.timestamp), record.key), record.value) >> kDistanceBits) {}

std::optional<LastRecord> LastRecord::of_mark(std::uint64_t mark, std::int64_t cursor) {
  const auto distance = static_cast<std::int64_t>(mark & ((1U << kDistanceBits) - 1));
  if (distance == 0 || distance > cursor) return std::nullopt;
  return LastRecord(cursor - distance, mark >> kDistanceBits);
}

std::uint64_t LastRecord::mark(std::int64_t cursor) const {
  const auto distance = static_cast<std::uint64_t>(cursor - offset_);
  return distance >> kDistanceBits != 0 ? 0 : hash_ << kDistanceBits | distance;
}

}  // namespace lockstep::kafka
