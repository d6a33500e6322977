#pragma once

#include <cassert>
#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "runtime/state/limits.hpp"
#include "runtime/state/marks.hpp"
#include "runtime/state/row_hashes.hpp"
#include "runtime/state/segment.hpp"
#include "runtime/state/segments.hpp"
#include "runtime/zset/array.hpp"

namespace lockstep {

/// Whether a payload says no more than a missing entry would.
template <class Payload>
bool is_vacant(const Payload& payload) {
  return payload.is_vacant();
}
template <std::integral Payload>
bool is_vacant(const Payload& payload) {
  return payload == 0;
}
template <class T>
bool is_vacant(const std::optional<T>& payload) {
  return !payload;
}

/// A hash table in segments (see Segments): the state behind every index.
///
/// Every write goes through insert(): there, a segment that a pin shares is copied first. pin() pins.
/// An entry may be marked once per step with a `Mark`; marks follow entries that move. Of entries whose payload is
/// vacant at the end of the step in which they were marked, a segment keeps some: they may come again, and to
/// take each out at once costs its lines of memory once more. (Measured: bench/NOTES.md.) So find() may show a vacant
/// payload. A table without marks has touch() called instead, if it tells changes, and vacant entries erased.
/// Worker-local but for the pins, which any thread may read and drop.
///
/// Cost: O(1) expected per operation; pin() is O(segments). State: the entries, and at most three times as many
/// vacant ones.
template <class Key, class Payload, class Mark = NoMark, class Hash = RowHash>
class HashTable final : public Segments {
 public:
  static constexpr bool kMarked = kIsMark<Mark>;
  static constexpr bool kTellsChanges = !std::same_as<Mark, NoMark>;
  static constexpr bool kLinked = kTellsChanges && (kMarked || !HoldsLink<Payload>);
  using Segment = lockstep::Segment<Key, Payload, kLinked>;
  using Entry = typename Segment::Entry;

  using Marks = lockstep::Marks<Entry, Mark>;
  using Marked = lockstep::Marked<Entry, Mark>;

  explicit HashTable(const IndexLimits& limits = {}) : Segments(limits, Segment::kLayout) {}
  /// What was moved from can be destroyed.
  HashTable(HashTable&&) noexcept = default;
  HashTable& operator=(HashTable&& other) noexcept {
    Segments::operator=(std::move(other));
    std::swap(marks_, other.marks_);
    return *this;
  }
  [[gnu::cold]] ~HashTable() { release_all(); }

  /// Inlined by force: GCC 12 takes a function that does nothing but prefetch for one without effects, and drops it.
  /// Where payloads lie in the arena, their segment's head is fetched too.
  [[gnu::always_inline]] void prefetch(std::uint64_t hash) const {
    const SegmentRef& place = directory_.of(hash);
    const auto* entry = reinterpret_cast<const char*>(first(place, tag_of(hash)));
    __builtin_prefetch(entry, 1);
    __builtin_prefetch(entry + 63, 1);
    if (UsesArena<Payload>) __builtin_prefetch(place.segment, 1);
  }

  /// What lies where probes for this hash begin: most often the entry that is looked for, if there is one.
  const Entry& home_entry(std::uint64_t hash) const { return *first(directory_.of(hash), tag_of(hash)); }

  const Entry* find(const Key& key, std::uint64_t hash) const {
    const Entry* entry = probe(directory_.of(hash), key, tag_of(hash));
    return entry->tag != 0 ? entry : nullptr;
  }

  /// The entry of this key, created with an empty payload if there was none, ready to be written.
  [[gnu::always_inline]] Entry* insert(const Key& key, std::uint64_t hash) {
    const SegmentRef& place = directory_.of(hash);
    Entry* vacancy = nullptr;
    if (place.version == version_) [[likely]] {
      auto* entry = const_cast<Entry*>(probe(place, key, tag_of(hash)));
      if (entry->tag != 0) [[likely]]
        return entry;
      vacancy = entry;
    }
    return insert_slowly(key, hash, vacancy);
  }

  /// REQUIRES: the entry came from insert() with this hash and nothing was inserted since. Other
  /// entries may move; marks follow them.
  void erase(Entry* entry, std::uint64_t hash) {
    const std::size_t at = directory_.index(hash);
    SegmentRef& place = directory_.owner(at);
    if constexpr (kTellsChanges) {
      if (lists_erased_ || capture_ != nullptr) note_erased(entry);
    }
    row_bytes_ -= heap_bytes(entry->key);
    segment_of(place).destroy_entry(*entry);
    close_gap(place, entry);
    --size_;
    --place.count;
    after_erase(at);
  }

  /// The segment in whose arena the payload of this hash lives.
  Segment& segment(std::uint64_t hash) { return segment_of(directory_.of(hash)); }
  const Segment& segment(std::uint64_t hash) const { return segment_of(directory_.of(hash)); }

  /// Gives back what the arena of this segment has free, if that is most of it. Entries move.
  void tidy(std::uint64_t hash) { tidy_at(directory_.index(hash)); }

  /// Call after a change of a payload that may have changed its arena's capacity.
  void account(const Segment& segment, std::size_t capacity_before) {
    segment_bytes_ += segment.arena_capacity() - capacity_before;
  }

  /// Marks an entry, before this step changes it first: its mark, new or not, and whether it is new. Call
  /// Marked::written() when the payload has been changed.
  [[gnu::always_inline]] std::pair<Marked*, bool> mark(Entry* entry) {
    if (capture_ != nullptr) [[unlikely]] {
      if (!marks_.has(*entry)) write_before_change(entry);
    }
    return marks_.mark(entry);
  }
  /// Of a table without marks: before a change of this entry, which came from insert().
  [[gnu::always_inline]] void touch(Entry* entry) {
    if constexpr (kTellsChanges && !kMarked) {
      if (link_of(*entry) != changed_link_) [[unlikely]]
        touch_slowly(*entry);
    }
  }
  /// The entries that this step has marked.
  Marks& marks() { return marks_; }

  /// At the end of a step: calls function(marked) for each marked entry, in the order of their marking, and clears the
  /// marks.
  template <class Function>
  void drain_marks(Function&& function) {
    for (std::size_t i = 0; i < marks_.size(); ++i) {
      if constexpr (!Marked::kHasCopy) marks_.prefetch(i + kMarksAhead);
      function(marks_[i]);
      vacant_.push_back_if(is_vacant(marks_[i].payload()), static_cast<std::uint32_t>(i));
    }
    for (const std::uint32_t place : vacant_) count_vacant(Hash()(marks_[place].key()));
    vacant_.clear();
    marks_.clear();
    sweep_vacant();
    if (marks_.base() > limits_.links && capture_ == nullptr) [[unlikely]] {
      marks_.restart();
      forget_links();
    }
  }

  /// Each entry, but for vacant ones.
  template <class Function>
  void for_each(Function&& function) const {
    directory_.for_each([&](const SegmentRef& place) {
      segment_of(place).for_each([&](Entry& entry) {
        if (!says_nothing(entry)) function(std::as_const(entry));
      });
    });
  }

  /// Each entry of a range but for vacant ones, with its segment.
  template <class Function>
  [[gnu::cold]] void for_each_in(const SlotRange& range, Function&& function) const {
    visit_range(range, &function, [](void* context, void* visited, SegmentHead& segment) {
      const auto& entry = *static_cast<const Entry*>(visited);
      if (!says_nothing(entry)) {
        (*static_cast<std::remove_reference_t<Function>*>(context))(entry, static_cast<const Segment&>(segment));
      }
    });
  }
  using Segments::hash_of;
  static std::uint64_t hash_of(const Entry& entry) { return Segments::hash_of(entry.tag); }

  [[gnu::cold]] void give_back_idle() override {
    if constexpr (kMarked) marks_.give_back_idle();
  }

  using Segments::begin_capture;

  /// While a state is loaded: what is said of this key replaces what was said before. Calls unload(entry) if something
  /// was, and fill(entry), which sets all of the payload.
  template <class Unload, class Fill>
  [[gnu::cold]] void load(const Key& key, std::uint64_t hash, Unload&& unload, Fill&& fill) {
    Entry* const entry = insert(key, hash);
    if (!is_vacant(entry->payload)) unload(*entry);
    fill(*entry);
    if (is_vacant(entry->payload)) count_vacant(hash);
  }
  template <class Fill>
  [[gnu::cold]] void load(const Key& key, std::uint64_t hash, Fill&& fill) {
    load(key, hash, LeavesNothing(), fill);
  }

  /// A pin: a table with the same contents that stays as it is, at the cost of a copy of the directory. REQUIRES: no
  /// marks.
  [[gnu::cold]] HashTable pin() {
    assert(marks_.empty());
    HashTable copy(limits_);
    share_with(copy);
    return copy;
  }

 private:
  struct LeavesNothing {
    void operator()(Entry&) const {}
  };
  static_assert(sizeof(Segment) + sizeof(std::uint32_t) + alignof(std::max_align_t) <= Directory::kNothingBytes);
  static constexpr std::size_t kMarksAhead = 24;

  static Segment& segment_of(const SegmentRef& place) { return *static_cast<Segment*>(place.segment); }

  static std::uint32_t link_of(const Entry& entry) {
    if constexpr (kLinked)
      return entry.link;
    else
      return entry.payload.link();
  }
  /// After the last capture began, only the first change of an entry comes here, and none before the first.
  [[gnu::noinline]] void touch_slowly(Entry& entry) {
    if (capture_ != nullptr) write_before_change(&entry);
    if constexpr (kLinked)
      entry.link = changed_link_;
    else
      entry.payload.set_link(changed_link_);
  }

  /// Where probes for a tag begin: all tags of a segment have their top bits in common.
  static std::uint32_t home(std::uint32_t tag, std::uint32_t capacity) {
    return static_cast<std::uint32_t>((std::uint64_t{tag * 0x9e3779b1} * capacity) >> 32);
  }

  static Entry* first(const SegmentRef& place, std::uint32_t tag) {
    return segment_of(place).entries() + home(tag, place.capacity);
  }

  /// The entry of this key, or the free one where it would be.
  [[gnu::always_inline]] static const Entry* probe(const SegmentRef& place, const Key& key, std::uint32_t tag) {
    const Entry* entry = first(place, tag);
    const Entry* const end = segment_of(place).entries() + place.capacity;
    while (entry->tag != 0) {
      if (entry->tag == tag && row_traits<Key>::equal(entry->key, key)) return entry;
      if (++entry == end) entry = segment_of(place).entries();
    }
    return entry;
  }

  /// Where the segment is shared, or else the key is new and belongs into this free entry.
  [[gnu::noinline]] Entry* insert_slowly(const Key& key, std::uint64_t hash, Entry* free) {
    const std::uint32_t tag = tag_of(hash);
    while (free == nullptr || is_full(hash)) {
      make_writable(hash, free != nullptr);
      free = const_cast<Entry*>(probe(directory_.of(hash), key, tag));
      if (free->tag != 0) return free;
    }
    std::construct_at(&free->key, key);
    std::construct_at(&free->payload);
    if constexpr (kLinked) free->link = 0;
    free->tag = tag;
    row_bytes_ += heap_bytes(key);
    add_entry(hash);
    return free;
  }

  /// Only tables with marks keep vacant entries.
  static bool says_nothing(const Entry& entry) {
    if constexpr (kMarked) return is_vacant(entry.payload);
    return false;
  }

  std::uint32_t next_link() const override {
    if constexpr (kMarked) return marks_.base();
    return 0;
  }
  [[gnu::cold]] void encode_key(Encoder& out, const void* entry) const override {
    if constexpr (kTellsChanges) row_traits<Key>::encode(out, static_cast<const Entry*>(entry)->key);
  }

  SegmentHead* make(std::uint32_t capacity) const override { return Segment::make(capacity); }
  SegmentHead* clone(const SegmentHead& segment) const override { return static_cast<const Segment&>(segment).clone(); }
  void destroy(SegmentHead* segment) const noexcept override { static_cast<Segment*>(segment)->destroy(); }

  void move_entries(const SegmentRef& from, std::uint32_t count, SegmentRef* to, SegmentRef* other,
                    std::uint32_t bit) override {
    Entry* const entries = segment_of(from).entries();
    SegmentRef* const sides[] = {to, other};
    for (std::uint32_t i = 0; i < count; ++i) {
      Entry& entry = entries[taken_[i]];
      adopt(*sides[(entry.tag & bit) != 0], segment_of(from), entry);
    }
  }

  /// Moves an entry to another segment, unless nothing would be lost without it.
  void adopt(SegmentRef& to, Segment& from, Entry& entry) {
    if (says_nothing(entry)) {
      if (!marks_.has(entry)) {
        if constexpr (kMarked) {
          if (lists_erased_ || capture_ != nullptr) note_erased(&entry);
        }
        row_bytes_ -= heap_bytes(entry.key);
        from.destroy_entry(entry);
        --size_;
        return;
      }
      ++to.vacant;
    }
    Entry* free = first(to, entry.tag);
    while (free->tag != 0) {
      if (++free == segment_of(to).end()) free = segment_of(to).entries();
    }
    segment_of(to).take(free, from, entry);
    marks_.follow(free);
    ++to.count;
  }

  bool purge(SegmentRef& place) override {
    const std::uint32_t count_before = place.count;
    place.vacant = 0;
    if constexpr (kMarked) {
      for (Entry* entry = segment_of(place).entries(); entry != segment_of(place).end();) {
        const bool goes = entry->tag != 0 && says_nothing(*entry);
        if (goes && !marks_.has(*entry)) {
          if (lists_erased_ || capture_ != nullptr) note_erased(entry);
          row_bytes_ -= heap_bytes(entry->key);
          segment_of(place).destroy_entry(*entry);
          --place.count;
          --size_;
          close_gap(place, entry);
        } else {
          if (goes) ++place.vacant;
          ++entry;
        }
      }
    }
    return place.count != count_before;
  }

  /// Shifts back the entries that probed past the gap, so that no tombstone is needed.
  void close_gap(const SegmentRef& place, Entry* gap) {
    const std::uint32_t capacity = place.capacity;
    Entry* const entries = segment_of(place).entries();
    auto hole = static_cast<std::uint32_t>(gap - entries);
    for (std::uint32_t i = hole;;) {
      if (++i == capacity) i = 0;
      Entry& entry = entries[i];
      if (entry.tag == 0) return;
      const auto distance = [capacity, i](std::uint32_t from) { return i >= from ? i - from : i + capacity - from; };
      if (distance(home(entry.tag, capacity)) < distance(hole)) continue;
      segment_of(place).take(entries + hole, segment_of(place), entry);
      marks_.follow(entries + hole);
      hole = i;
    }
  }

  Marks marks_;
  Array<std::uint32_t> vacant_;  // places among the marks, during drain_marks()
};

}  // namespace lockstep
