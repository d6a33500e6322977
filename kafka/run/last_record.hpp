#pragma once

#include <cstdint>
#include <optional>

#include "kafka/record.hpp"

namespace lockstep::kafka {

/// The record of a partition that was read last: that it is still there shows that the topic is the same.
class LastRecord {
 public:
  explicit LastRecord(const RecordView& record);
  /// None, if the cursor's mark says nothing.
  static std::optional<LastRecord> of_mark(std::uint64_t mark, std::int64_t cursor);

  std::int64_t offset() const { return offset_; }
  /// What a cursor behind it is marked with: how far it is before, and its hash.
  std::uint64_t mark(std::int64_t cursor) const;

  friend bool operator==(const LastRecord&, const LastRecord&) = default;

 private:
  static constexpr unsigned kDistanceBits = 16;

  LastRecord(std::int64_t offset, std::uint64_t hash) : offset_(offset), hash_(hash) {}

  std::int64_t offset_;
  std::uint64_t hash_;  // 48 bits
};

}  // namespace lockstep::kafka
