#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/zset/weights.hpp"

namespace lockstep::bench {

enum class Ahead { none, prefetch };

/// Calls process(row, hash, weight) for each row, and look(hash) for the rows 32 places ahead of it, so that what they
/// need is on its way.
template <Ahead kAhead, class R, class Hash, class Look, class Process>
[[gnu::always_inline]] inline void for_each_ahead(std::span<const Weighted<R>> rows, Hash&& hash, Look&& look,
                                                  Process&& process) {
  if constexpr (kAhead == Ahead::none) {
    for (const Weighted<R>& item : rows) process(item.row, hash(item.row), item.weight);
  } else {
    constexpr std::size_t kDistance = 32;
    std::array<std::uint64_t, kDistance> hashes;
    const std::size_t first = rows.size() < kDistance ? rows.size() : kDistance;
    for (std::size_t i = 0; i < first; ++i) look(hashes[i] = hash(rows[i].row));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::uint64_t now = hashes[i % kDistance];
      if (i + kDistance < rows.size()) look(hashes[i % kDistance] = hash(rows[i + kDistance].row));
      process(rows[i].row, now, rows[i].weight);
    }
  }
}

}  // namespace lockstep::bench
