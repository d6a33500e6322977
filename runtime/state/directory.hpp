#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "runtime/zset/array.hpp"

namespace lockstep {

class SegmentHead;

/// What a probe, an insertion or a death has to know of a segment, which saves a cache miss. (Measured:
/// bench/NOTES.md.)
struct SegmentRef {
  SegmentHead* segment;
  std::uint32_t capacity;  // 0: there is none yet
  std::uint32_t version;
  std::uint32_t count;        // of entries, vacant ones among them
  std::uint32_t vacant : 24;  // no fewer than are vacant
  std::uint32_t depth : 8;    // how many top bits the hashes have in common
};

/// Which segment holds a hash: an array by the top bits of hashes, in which neighbours may name the same segment; the
/// first of them, its owner, keeps the counts. (Extendible hashing: Fagin et al., TODS 1979.) Owns no segment.
/// Worker-local.
class Directory {
 public:
  Directory();

  std::size_t size() const { return refs_.size(); }
  std::size_t bytes() const { return refs_.capacity() * sizeof(SegmentRef); }
  /// How many top bits of a hash decide.
  std::uint32_t depth() const { return depth_; }

  std::size_t index(std::uint64_t hash) const { return hash >> (64 - depth_); }
  const SegmentRef& operator[](std::size_t at) const { return refs_[at]; }
  const SegmentRef& of(std::uint64_t hash) const { return refs_[index(hash)]; }
  /// The first of those that name the same segment as this one.
  SegmentRef& owner(std::size_t at) { return refs_[first_alias(at)]; }

  /// How many name this segment.
  std::size_t aliases(const SegmentRef& ref) const { return std::size_t{1} << (depth_ - ref.depth); }
  std::size_t first_alias(std::size_t at) const { return at & ~(aliases(refs_[at]) - 1); }
  /// The first behind those that name the same segment as this one.
  std::size_t next(std::size_t at) const { return first_alias(at) + aliases(refs_[at]); }

  /// Names a segment for all hashes that it holds, of which one is at `at`.
  void set(std::size_t at, const SegmentRef& ref);

  /// Calls function(owner) for each segment.
  template <class Function>
  void for_each(Function&& function) const {
    for (std::size_t at = 0; at < refs_.size(); at = next(at)) {
      if (refs_[at].capacity != 0) function(refs_[at]);
    }
  }

  /// One more bit decides.
  void grow();
  /// As few bits decide as can, which is at least one; `at` goes on naming its segment. O(1) if no fewer can.
  void shrink(std::size_t& at);

  /// For hashes that have not been needed yet, a segment of so many bytes of zeros: one free entry, so that probes need
  /// no special case.
  static constexpr std::size_t kNothingBytes = 1024;

 private:
  Array<SegmentRef> refs_;
  std::uint32_t depth_ = 1;
  std::array<std::size_t, 32> of_depth_{};  // how many name a segment of each depth
};

}  // namespace lockstep
