#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "runtime/intake/stage.hpp"
#include "runtime/zset/weights.hpp"

namespace lockstep {

/// What is done to one key of a keyed table, or to all that are in a slot.
template <class R, class K>
struct TableOperation {
  enum class Kind : std::uint8_t { insert, upsert, erase, erase_if_present, clear };
  K key;
  std::optional<R> row;  // of insert and upsert
  Kind kind;
  std::uint16_t slot = 0;  // of a clear: of whose keys the rows go
  std::uint64_t session;
  std::uint64_t position;
  Timestamp watermark = kNoTimestamp;  // of the session, just before it
};

template <class R, class K>
std::size_t staged_bytes(const Weighted<TableOperation<R, K>>& item) {
  return sizeof(item) + heap_bytes(item.row.key) + heap_bytes(item.row.row);
}

template <class R, class K>
const R* dated_row(const Weighted<TableOperation<R, K>>& item) {
  return item.row.row ? &*item.row.row : nullptr;
}
template <class R, class K>
void stamp(Weighted<TableOperation<R, K>>& item, Timestamp watermark) {
  item.row.watermark = std::max(item.row.watermark, watermark);
}

/// An operation that is refused.
template <class R, class K>
LedgerRow refused(const Weighted<TableOperation<R, K>>& item, std::string reason, Timestamp timestamp) {
  const TableOperation<R, K>& operation = item.row;
  return {.reason = std::move(reason),
          .session = operation.session,
          .position = operation.position,
          .event_time = or_nothing(timestamp),
          .row = operation.row ? to_string(*operation.row) : to_string(operation.key),
          .weight = operation.row ? 1 : -1};
}

template <class R, class K>
inline constexpr bool knows_position<Weighted<TableOperation<R, K>>> = true;

}  // namespace lockstep
