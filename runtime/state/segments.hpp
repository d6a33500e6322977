#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/state/capture.hpp"
#include "runtime/state/directory.hpp"
#include "runtime/state/erased_keys.hpp"
#include "runtime/state/limits.hpp"
#include "runtime/state/segment_head.hpp"
#include "runtime/state/state_writer.hpp"
#include "runtime/zset/array.hpp"

namespace lockstep {

/// The segments of a hash table, and all of it that does not depend on the types of its keys and payloads: a directory
/// names the segment that holds a range of hashes; a full segment splits in two, so growth never stops the table, and a
/// segment that is nearly empty merges with its neighbour. A pin shares all segments, and a shared one is copied before
/// it is written. Worker-local but for what any thread may do with a pin.
class Segments {
 public:
  /// Entries, vacant ones among them.
  std::size_t size() const { return size_; }
  /// With what rows in its keys hold on the heap.
  std::size_t bytes() const { return segment_bytes_ + row_bytes_ + directory_.bytes(); }

  /// Whether it can tell what has changed since the last capture that was kept.
  bool tells_changes() const { return since_.links != 0; }
  /// What changes from now on can be told, as if a capture had just been kept: all that it holds is of one.
  void tell_changes();

  /// Between steps: gives back what has grown in a large one, and is hardly used.
  virtual void give_back_idle() = 0;

  // For a Capture, between steps.

  /// A payload of so many rows takes too long to write at once, and what a pin of it copies beside it is little then.
  std::size_t rows_to_pin() const { return limits_.rows_in_segment == 0 ? 4096 : 16 * limits_.rows_in_segment; }

  void end_capture();
  void keep(const Capture& capture);
  const ErasedKeys& erased() const { return erased_; }
  /// Writes what a range has in the segment of its lowest hash, and moves it on.
  void write_segment(Capture& capture, Capture::Range& range) const;

  /// The upper half of a hash, which is in every entry, says in which slot the entry is.
  static std::uint64_t hash_of(std::uint32_t tag) { return std::uint64_t{tag} << 32; }

 protected:
  static constexpr std::uint32_t kMinCapacity = 4;

  Segments(const IndexLimits& limits, const SegmentLayout& layout);
  ~Segments();
  Segments(Segments&&) noexcept;
  /// Swaps.
  Segments& operator=(Segments&& other) noexcept;

  static std::uint32_t tag_of(std::uint64_t hash) {
    const auto high = static_cast<std::uint32_t>(hash >> 32);
    return high == 0 ? 1 : high;
  }

  /// What only the table itself can do, since it knows the types. A segment that make() or clone() return has one
  /// owner.
  virtual SegmentHead* make(std::uint32_t capacity) const = 0;
  virtual SegmentHead* clone(const SegmentHead& segment) const = 0;
  virtual void destroy(SegmentHead* segment) const noexcept = 0;
  /// Moves the entries at the first `count` places of taken_ to one segment, or to one of two as the tag's `bit` has
  /// it; but for those that are vacant and not marked, which it destroys.
  virtual void move_entries(const SegmentRef& from, std::uint32_t count, SegmentRef* to, SegmentRef* other,
                            std::uint32_t bit) = 0;
  /// Takes vacant entries out, but for those that are marked. Returns whether there were any.
  virtual bool purge(SegmentRef& place) = 0;

  /// What the links of new marks will not be lower than. Without marks: 0.
  virtual std::uint32_t next_link() const = 0;
  virtual void encode_key(Encoder& out, const void* entry) const = 0;

  /// `changes_of`: the slots of which it takes changes only; null: of none, and it will not be kept. REQUIRES: no step
  /// runs, there is no capture, and it tells changes if any are wanted.
  void begin_capture(Capture& capture, const SlotSet* changes_of);
  /// Shares all segments with the pin, whose contents are then those of this table.
  void share_with(Segments& pin);
  void release_all() noexcept;

  /// Whether an entry more is too many for the segment of this hash: from 60 % on. (Measured: bench/NOTES.md.)
  bool is_full(std::uint64_t hash) {
    const SegmentRef& place = directory_.owner(directory_.index(hash));
    return (std::uint64_t{place.count} + 1) * 10 > std::uint64_t{place.capacity} * 6;
  }
  /// The one write point: before a segment is written that is of an older version, or has no room.
  void make_writable(std::uint64_t hash, bool needs_room);
  /// For a segment that has lost entries.
  void after_erase(std::size_t at);
  /// Gives back what the arena of a segment has free, if that is most of it. Entries move.
  void tidy_at(std::size_t at);

  /// Says that an entry with this hash is vacant now, when the step ends.
  void count_vacant(std::uint64_t hash);
  /// After all of them: gives back what segments hold that are mostly vacant.
  void sweep_vacant();
  /// When links have run out: each segment's links are cleared when it is written next, since it is of an older version
  /// then.
  void forget_links();

  /// Calls visit(context, entry, segment) for each entry of a range.
  using Visit = void (*)(void* context, void* entry, SegmentHead& segment);
  void visit_range(const SlotRange& range, void* context, Visit visit) const;

  /// Before an entry is changed that is not marked, or is taken out. REQUIRES: there is a capture.
  void write_before_change(const void* entry) noexcept;
  /// Before an entry is taken out, if there is a capture or erased keys are listed.
  void note_erased(const void* entry) noexcept;

  void add_entry(std::uint64_t hash) {
    ++directory_.owner(directory_.index(hash)).count;
    ++size_;
  }

  IndexLimits limits_;
  SegmentLayout layout_;
  Directory directory_;
  Array<std::uint32_t> taken_;  // for move_entries()
  Capture* capture_ = nullptr;
  std::uint32_t changed_link_ = 0;  // without marks: of what changes now
  TableTime since_;                 // of the last capture that was kept
  bool lists_erased_ = false;
  std::uint32_t version_ = 1;
  std::size_t size_ = 0;
  std::size_t segment_bytes_ = 0;
  std::size_t row_bytes_ = 0;  // on the heap

 private:
  class Fresh;

  TableTime begin_time();
  /// What has changed cannot be told any more, until a capture is kept that is yet to begin.
  void lose_changes();
  bool has_only_changes(const Capture& capture, std::size_t at, std::size_t next) const;
  void unshare(std::size_t at);
  void make_room(std::size_t at);
  void release(SegmentHead* segment) const noexcept;
  std::uint32_t max_capacity() const { return std::max(kMinCapacity, layout_.capacity_for(limits_.segment_bytes)); }
  std::size_t bytes_of(const SegmentHead& segment) const;
  std::uint32_t list_taken(const SegmentRef& place, Array<std::uint32_t>& places) const;
  std::uint32_t list_linked(const SegmentRef& place, Array<std::uint32_t>& places, std::uint32_t first,
                            std::uint32_t end) const;
  void install(std::size_t at, Fresh& fresh);
  void discard(SegmentHead* segment);
  void rebuild(std::size_t at, std::uint32_t capacity);
  void shrink(std::size_t at, std::uint32_t capacity);
  bool split(std::size_t at);
  bool merge(std::size_t& at);
  std::uint32_t separating_depth(const SegmentRef& place) const;
  std::uint32_t worthwhile_depth() const;
  std::uint32_t capacity_after_split(std::uint32_t count) const;

  Array<std::uint64_t> mostly_vacant_;  // hashes of segments, while a step ends
  std::uint64_t losses_ = 0;            // of changes
  ErasedKeys erased_;                   // since the last capture that was kept, if they are listed
  std::size_t listed_before_ = 0;       // so many belong to a capture that may be kept yet
  std::uint32_t shared_since_ = 0;      // segments of older versions may be shared with a pin
  std::uint32_t links_since_ = 0;       // segments of older versions have links that have been forgotten
  std::size_t segments_ = 0;
};

}  // namespace lockstep
