#pragma once

#include <cstdint>

namespace lockstep {

/// Sizes at which the parts of an index change their shape. The defaults are for speed; tests run at the
/// minimum, so that small random cases reach every shape.
struct IndexLimits {
  /// Bytes of one segment before it splits, at most 2^30. Also what is copied on the first write after a pin. Not a
  /// power of two, or the heads of all segments would compete for the same few lines of the cache. (Measured:
  /// bench/NOTES.md.)
  std::uint32_t segment_bytes = 28 << 10;
  /// A group of more rows than this, which is at most 2^16, leaves its segment for an index of its own. 0: of more than
  /// fit 512 bytes.
  std::uint32_t rows_in_segment = 0;
  /// Rows in one page of a large ordered group, 1 to 2^16.
  std::uint32_t page_rows = 256;
  /// So many entries are marked before the links of old marks are cleared; 1 to 2^30.
  std::uint32_t links = 1 << 30;

  static constexpr IndexLimits minimum() {
    return {.segment_bytes = 1, .rows_in_segment = 2, .page_rows = 2, .links = 16};
  }
};

}  // namespace lockstep
