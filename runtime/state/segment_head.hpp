#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/state/arena.hpp"

namespace lockstep {

/// What is known of a segment whose types are not.
class SegmentHead {
 public:
  explicit SegmentHead(std::uint32_t capacity) : capacity_(capacity) {}
  SegmentHead(const SegmentHead&) = delete;
  SegmentHead& operator=(const SegmentHead&) = delete;

  void add_owner() { owners_.fetch_add(1, std::memory_order_relaxed); }
  bool sole_owner() const { return owners_.load(std::memory_order_acquire) == 1; }
  /// Returns whether it was the last. Pairs with sole_owner(): what an owner read happens before the sole owner's
  /// writes.
  bool drop_owner() { return owners_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
  std::uint32_t capacity() const { return capacity_; }

 protected:
  ~SegmentHead() = default;

 private:
  std::atomic<std::uint32_t> owners_{1};
  std::uint32_t capacity_;
};

/// Of one that has an arena.
class SegmentHeadWithArena : public SegmentHead {
 public:
  using SegmentHead::SegmentHead;

  Arena& arena() { return arena_; }
  const Arena& arena() const { return arena_; }

 protected:
  ~SegmentHeadWithArena() = default;

 private:
  Arena arena_;
};

/// How entries lie in a segment. Each begins with its tag, of 32 bits, and a word of which the top bits may be its
/// link.
struct SegmentLayout {
  std::uint32_t head_bytes;  // before the first entry
  std::uint32_t entry_bytes;
  bool has_arena;
  std::uint32_t link_mask;  // 0: there are no links

  std::size_t bytes_for(std::uint32_t capacity) const { return head_bytes + std::size_t{capacity} * entry_bytes; }
  /// The inverse. A segment that is a little larger than a power of two wastes up to a quarter of its memory.
  std::uint32_t capacity_for(std::size_t bytes) const {
    return bytes < head_bytes ? 0 : static_cast<std::uint32_t>((bytes - head_bytes) / entry_bytes);
  }
  void* entry(SegmentHead* segment, std::uint32_t place) const {
    return reinterpret_cast<std::byte*>(segment) + head_bytes + std::size_t{place} * entry_bytes;
  }
  std::uint32_t* tag(SegmentHead* segment, std::uint32_t place) const {
    return static_cast<std::uint32_t*>(entry(segment, place));
  }
  std::uint32_t link_step() const { return link_mask & (~link_mask + 1); }
  std::uint32_t link(const std::uint32_t* tag) const { return tag[1] & link_mask; }
  void forget_link(std::uint32_t* tag) const { tag[1] &= ~link_mask; }
};

}  // namespace lockstep
