#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace lockstep {

/// Which segment holds a hash: a table by the top bits of hashes, all of whose entries between two others may name the
/// same segment. (Extendible hashing: Fagin et al., TODS 1979.) Owns no segment. Worker-local.
template <class Segment>
class Directory {
 public:
  /// What a probe, an insertion or a death has to know of a segment, which saves a cache miss. (Measured:
  /// bench/NOTES.md.) Of the places of one segment, the first, its owner, keeps the counts.
  struct SegmentRef {
    Segment* segment;
    std::uint32_t capacity;  // 0: nothing() yet
    std::uint32_t version;
    std::uint32_t count;        // of entries, vacant ones among them
    std::uint32_t vacant : 24;  // no fewer than are vacant
    std::uint32_t depth : 8;    // how many top bits the hashes have in common
  };

  Directory() : places_(2, nothing()) { of_depth_[0] = places_.size(); }

  std::size_t size() const { return places_.size(); }
  std::size_t bytes() const { return places_.capacity() * sizeof(SegmentRef); }
  /// How many top bits of a hash decide.
  std::uint32_t depth() const { return depth_; }

  std::size_t index(std::uint64_t hash) const { return hash >> (64 - depth_); }
  const SegmentRef& operator[](std::size_t at) const { return places_[at]; }
  const SegmentRef& of(std::uint64_t hash) const { return places_[index(hash)]; }
  /// The first place of the segment that this place names.
  SegmentRef& owner(std::size_t at) { return places_[first_alias(at)]; }

  /// How many places name this segment.
  std::size_t aliases(const SegmentRef& place) const { return std::size_t{1} << (depth_ - place.depth); }
  std::size_t first_alias(std::size_t at) const { return at & ~(aliases(places_[at]) - 1); }
  /// The first place behind those that name the same segment as this one.
  std::size_t next(std::size_t at) const { return first_alias(at) + aliases(places_[at]); }

  /// Puts a segment into all of its places, of which `at` is one.
  void set(std::size_t at, const SegmentRef& place) {
    const std::size_t count = aliases(place);
    const std::size_t begin = at & ~(count - 1);
    for (std::size_t i = begin; i < begin + count; ++i) {
      --of_depth_[places_[i].depth];
      places_[i] = place;
    }
    of_depth_[place.depth] += count;
  }

  /// Calls function(owner) for each segment.
  template <class Function>
  void for_each(Function&& function) const {
    for (std::size_t at = 0; at < places_.size(); at = next(at)) {
      if (places_[at].capacity != 0) function(places_[at]);
    }
  }

  /// One more bit decides.
  void grow() {
    std::vector<SegmentRef> doubled;
    doubled.reserve(places_.size() * 2);
    for (const SegmentRef& place : places_) doubled.insert(doubled.end(), 2, place);
    places_ = std::move(doubled);
    ++depth_;
    for (std::size_t& count : of_depth_) count *= 2;
  }

  /// As few bits decide as can, which is at least one; `at` goes on naming its segment. O(1) if no fewer can.
  void shrink(std::size_t& at) {
    const auto deepest_place =
        std::find_if(of_depth_.rbegin(), of_depth_.rend(), [](std::size_t count) { return count != 0; });
    const auto deepest = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(of_depth_.rend() - deepest_place) - 1);
    const std::uint32_t fold = depth_ - deepest;
    if (fold == 0) return;
    std::vector<SegmentRef> folded;
    folded.reserve(places_.size() >> fold);
    for (std::size_t i = 0; i < places_.size(); i += std::size_t{1} << fold) folded.push_back(places_[i]);
    places_ = std::move(folded);
    depth_ = deepest;
    at >>= fold;
    for (std::size_t& count : of_depth_) count >>= fold;
  }

 private:
  /// A segment that has not been needed yet: one free entry, so that probes need no special case.
  static SegmentRef nothing() {
    alignas(std::max_align_t) static const std::byte bytes[1024]{};
    static_assert(sizeof(Segment) + sizeof(std::uint32_t) + alignof(std::max_align_t) <= sizeof bytes);
    return {.segment = const_cast<Segment*>(reinterpret_cast<const Segment*>(bytes)),
            .capacity = 0,
            .version = 1,
            .count = 0,
            .vacant = 0,
            .depth = 0};
  }

  std::vector<SegmentRef> places_;
  std::uint32_t depth_ = 1;
  std::array<std::size_t, 32> of_depth_{};  // how many places name a segment of each depth
};

}  // namespace lockstep
