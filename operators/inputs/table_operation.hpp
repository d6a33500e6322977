#pragma once

#include <cstdint>
#include <optional>

#include "runtime/intake/stage.hpp"
#include "runtime/zset/weights.hpp"

namespace lockstep {

/// What is done to one key of a keyed table.
template <class R, class K>
struct TableOperation {
  enum class Kind : std::uint8_t { insert, upsert, erase };
  K key;
  std::optional<R> row;  // none: erase
  Kind kind;
  std::uint64_t session;
  std::uint64_t position;
};

template <class R, class K>
std::size_t staged_bytes(const Weighted<TableOperation<R, K>>& item) {
  return sizeof(item) + heap_bytes(item.row.key) + heap_bytes(item.row.row);
}

template <class R, class K>
inline constexpr bool knows_position<Weighted<TableOperation<R, K>>> = true;

}  // namespace lockstep
