#pragma once

#include <bit>
#include <cassert>
#include <concepts>
#include <optional>
#include <utility>

#include "runtime/state/directory.hpp"
#include "runtime/state/limits.hpp"
#include "runtime/state/marks.hpp"
#include "runtime/state/row_hashes.hpp"
#include "runtime/state/segment.hpp"
#include "runtime/state/state_writer.hpp"
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

/// A hash table in segments: the state behind every index. A directory names the segment that holds a range of hashes;
/// a full segment splits in two, so growth never stops the table, and a segment that is nearly empty merges with its
/// neighbour. Longer than other files, since each of its parts, to find, to make room, to keep and sweep what is
/// vacant, moves entries that marks and pins must go on knowing.
///
/// Every write goes through insert(): there, a segment that a pin shares is copied first. pin() pins.
/// An entry may be marked once per step with a `Mark`; marks follow entries that move. Of entries whose payload is
/// vacant at the end of the step in which they were marked, a segment keeps some: they may come again, and to
/// take each out at once costs its lines of memory once more. (Measured: bench/NOTES.md.) So find() may show a vacant
/// payload. Worker-local but for the pins, which any thread may read and drop.
///
/// Cost: O(1) expected per operation; pin() is O(segments). State: the entries, and at most three times as many
/// vacant ones.
template <class Key, class Payload, class Mark = NoMark, class Hash = RowHash>
class HashTable {
 public:
  static constexpr bool kMarked = !std::same_as<Mark, NoMark>;
  using Segment = lockstep::Segment<Key, Payload, kMarked>;
  using Entry = typename Segment::Entry;

  using Marks = lockstep::Marks<Entry, Mark>;
  using Marked = lockstep::Marked<Entry, Mark>;

  explicit HashTable(const IndexLimits& limits = {}) : limits_(limits) {}
  /// What was moved from can be destroyed.
  HashTable(HashTable&&) noexcept = default;
  HashTable& operator=(HashTable&& other) noexcept {
    std::swap(limits_, other.limits_);
    std::swap(directory_, other.directory_);
    std::swap(marks_, other.marks_);
    std::swap(version_, other.version_);
    std::swap(links_since_, other.links_since_);
    std::swap(size_, other.size_);
    std::swap(segments_, other.segments_);
    std::swap(segment_bytes_, other.segment_bytes_);
    return *this;
  }
  [[gnu::cold]] ~HashTable() {
    directory_.for_each([](const SegmentRef& place) { segment_of(place).release(); });
  }

  /// Entries, vacant ones among them.
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return segment_bytes_ + directory_.bytes(); }

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
    segment_of(place).destroy_entry(*entry);
    close_gap(place, entry);
    --size_;
    if (--place.count <= place.capacity / 8) {
      shrink(at, place.capacity / 2);
    } else {
      tidy_at(at);
    }
  }

  /// The segment in whose arena the payload of this hash lives.
  Segment& segment(std::uint64_t hash) { return segment_of(directory_.of(hash)); }
  const Segment& segment(std::uint64_t hash) const { return segment_of(directory_.of(hash)); }

  /// Gives back what the arena of this segment has free, if that is most of it. Entries move.
  void tidy(std::uint64_t hash) { tidy_at(directory_.index(hash)); }

  /// Call around a change of a payload that may change its arena's size.
  void account(const Segment& segment, std::size_t bytes_before) { segment_bytes_ += segment.bytes() - bytes_before; }

  /// The entries that this step has marked. Call Marked::written() when a payload has been changed.
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
    for (const std::uint64_t hash : mostly_vacant_) sweep(directory_.index(hash));
    mostly_vacant_.clear();
    if (marks_.base() > limits_.links) [[unlikely]]
      forget_links();
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
    const std::size_t last = directory_.index(range.highest_hash());
    for (std::size_t at = directory_.index(range.lowest_hash()); at <= last; at = directory_.next(at)) {
      const SegmentRef& place = directory_[at];
      if (place.capacity == 0) continue;
      segment_of(place).for_each([&](Entry& entry) {
        if (says_nothing(entry) || !range.has(hash_of(entry))) return;
        function(std::as_const(entry), std::as_const(segment_of(place)));
      });
    }
  }
  /// The upper half of the hash, which says in which slot the entry is.
  static std::uint64_t hash_of(const Entry& entry) { return std::uint64_t{entry.tag} << 32; }

  /// A pin: a table with the same contents that stays as it is, at the cost of a copy of the directory. REQUIRES: no
  /// marks.
  [[gnu::cold]] HashTable pin() {
    assert(marks_.empty());
    HashTable copy(limits_);
    copy.directory_ = directory_;
    copy.size_ = size_;
    copy.segments_ = segments_;
    copy.segment_bytes_ = segment_bytes_;
    directory_.for_each([](const SegmentRef& place) { segment_of(place).add_owner(); });
    ++version_;
    copy.version_ = version_;
    return copy;
  }

 private:
  static_assert(sizeof(Segment) + sizeof(std::uint32_t) + alignof(std::max_align_t) <= Directory::kNothingBytes);
  static constexpr std::uint32_t kMinCapacity = 4;
  static constexpr std::uint32_t kMaxDepth = 30;
  static constexpr std::size_t kMarksAhead = 24;
  static constexpr std::uint32_t kMostVacant = (1 << 24) - 1;

  static Segment& segment_of(const SegmentRef& place) { return *static_cast<Segment*>(place.segment); }

  static std::uint32_t tag_of(std::uint64_t hash) {
    const auto high = static_cast<std::uint32_t>(hash >> 32);
    return high == 0 ? 1 : high;
  }

  /// Where probes for a tag begin: all tags of a segment have their top bits in common.
  static std::uint32_t home(std::uint32_t tag, std::uint32_t capacity) {
    return static_cast<std::uint32_t>((std::uint64_t{tag * 0x9e3779b1} * capacity) >> 32);
  }

  std::uint32_t max_capacity() const { return std::max(kMinCapacity, Segment::capacity_for(limits_.segment_bytes)); }

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
    while (free == nullptr || is_full(directory_.owner(directory_.index(hash)))) {
      if (free != nullptr) make_room(directory_.index(hash));
      if (directory_.of(hash).version != version_) unshare(directory_.index(hash));
      free = const_cast<Entry*>(probe(directory_.of(hash), key, tag));
      if (free->tag != 0) return free;
    }
    std::construct_at(&free->key, key);
    std::construct_at(&free->payload);
    if constexpr (kMarked) free->link = 0;
    free->tag = tag;
    ++directory_.owner(directory_.index(hash)).count;
    ++size_;
    return free;
  }

  /// From 60 % on. (Measured: bench/NOTES.md.)
  static bool is_full(const SegmentRef& place) {
    return (std::uint64_t{place.count} + 1) * 10 > std::uint64_t{place.capacity} * 6;
  }

  /// The one write point: before a segment of an older version is written. Nobody has looked at its links before.
  [[gnu::noinline]] void unshare(std::size_t at) {
    SegmentRef place = directory_.owner(at);
    if (place.capacity != 0 && !segment_of(place).sole_owner()) {
      typename Segment::Owner copy = segment_of(place).clone();
      segment_bytes_ += copy->bytes() - segment_of(place).bytes();
      segment_of(place).release();
      place.segment = copy.release();
    }
    if constexpr (kMarked) {
      if (place.capacity != 0 && place.version < links_since_) [[unlikely]]
        segment_of(place).for_each([](Entry& entry) { entry.link = 0; });
    }
    place.version = version_;
    directory_.set(at, place);
  }

  /// Only tables with marks keep vacant entries.
  static bool says_nothing(const Entry& entry) {
    if constexpr (kMarked) return is_vacant(entry.payload);
    return false;
  }

  void count_vacant(std::uint64_t hash) {
    SegmentRef& place = directory_.owner(directory_.index(hash));
    if (place.vacant < kMostVacant) ++place.vacant;
    if (is_mostly_vacant(place)) mostly_vacant_.push_back(hash);
  }

  static bool is_mostly_vacant(const SegmentRef& place) { return place.vacant * 4 > place.count * 3; }

  /// After a step: gives back what vacant entries hold.
  void sweep(std::size_t at) {
    if (!is_mostly_vacant(directory_.owner(at))) return;
    purge(at);
    const SegmentRef& place = directory_.owner(at);
    if (place.count <= place.capacity / 8) {
      shrink(at, 4 * place.count);
    } else {
      tidy_at(at);
    }
  }

  /// Takes vacant entries out. Returns whether there were any; those marked stay.
  bool purge(std::size_t at) {
    SegmentRef& place = directory_.owner(at);
    const std::uint32_t count_before = place.count;
    place.vacant = 0;
    for (Entry* entry = segment_of(place).entries(); entry != segment_of(place).end();) {
      const bool goes = entry->tag != 0 && says_nothing(*entry);
      if (goes && !marks_.has(*entry)) {
        segment_of(place).destroy_entry(*entry);
        --place.count;
        --size_;
        close_gap(place, entry);
      } else {
        if (goes) ++place.vacant;
        ++entry;
      }
    }
    return place.count != count_before;
  }

  /// Before links run out: all entries are as if they had never been marked. Each segment's links are cleared when it
  /// is written next, since it is of an older version then.
  void forget_links() {
    marks_.restart();
    links_since_ = ++version_;
  }

  /// A segment on its way into the directory.
  struct Fresh {
    Fresh(std::uint32_t capacity, std::uint32_t depth, std::uint32_t version)
        : owner(Segment::make(capacity)),
          place{.segment = owner.get(),
                .capacity = capacity,
                .version = version,
                .count = 0,
                .vacant = 0,
                .depth = depth & 0xff} {}
    typename Segment::Owner owner;
    SegmentRef place;
  };
  Fresh make_segment(std::uint32_t capacity, std::uint32_t depth) { return {capacity, depth, version_}; }

  [[gnu::noinline]] void install(std::size_t at, Fresh& fresh) {
    ++segments_;
    segment_bytes_ += fresh.owner->bytes();
    directory_.set(at, fresh.place);
    (void)fresh.owner.release();
  }

  void discard(Segment* segment) {
    segment_bytes_ -= segment->bytes();
    --segments_;
    segment->release();
  }

  /// Moves an entry to another segment, unless nothing would be lost without it.
  void adopt(SegmentRef& to, Segment& from, Entry& entry) {
    if (says_nothing(entry)) {
      if (!marks_.has(entry)) {
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

  void make_room(std::size_t at) {
    const SegmentRef& place = directory_.owner(at);
    if (place.capacity == 0) {
      Fresh first = make_segment(kMinCapacity, 0);
      install(at, first);
    } else if (place.vacant * 4 >= place.count && purge(at)) {
      return;
    } else if (place.capacity < max_capacity()) {
      rebuild(at, std::min(max_capacity(), place.capacity * 2));
    } else if (!split(at)) {
      rebuild(at, place.capacity * 2);
    }
  }

  /// Moves all entries to one segment, or to one of two as the tag's `bit` has it. Here alone are segments filled, so
  /// that the code is compiled once.
  [[gnu::noinline]] void move_entries(const SegmentRef& from, SegmentRef* to, SegmentRef* other, std::uint32_t bit) {
    const std::uint32_t count = list_taken(from);
    Entry* const entries = segment_of(from).entries();
    SegmentRef* const sides[] = {to, other};
    for (std::uint32_t i = 0; i < count; ++i) {
      Entry& entry = entries[taken_[i]];
      adopt(*sides[(entry.tag & bit) != 0], segment_of(from), entry);
    }
  }

  /// The places of a segment's entries, listed without a branch: which are taken is as good as random.
  std::uint32_t list_taken(const SegmentRef& place) {
    const Entry* const entries = segment_of(place).entries();
    if (taken_.size() < place.capacity) taken_.resize(place.capacity);
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < place.capacity; ++i) {
      taken_[count] = i;
      count += static_cast<std::uint32_t>(entries[i].tag != 0);
    }
    return count;
  }

  [[gnu::noinline]] void rebuild(std::size_t at, std::uint32_t capacity) {
    const SegmentRef old = directory_.owner(at);
    Fresh fresh = make_segment(capacity, old.depth);
    move_entries(old, &fresh.place, &fresh.place, 0);
    install(at, fresh);
    discard(&segment_of(old));
  }

  /// Splits a segment into the two halves of its range. Returns false if no split would do that tells its entries
  /// apart.
  bool split(std::size_t at) {
    const SegmentRef old = directory_.owner(at);
    const std::uint32_t depth = old.depth + 1;
    const std::uint32_t bit = std::uint32_t{1} << (32 - depth);
    const Entry* const entries = segment_of(old).entries();
    std::uint32_t right = 0;
    for (std::uint32_t i = 0; i < old.capacity; ++i) right += static_cast<std::uint32_t>((entries[i].tag & bit) != 0);
    const bool apart = right != 0 && right != old.count;
    if ((apart ? depth : separating_depth(segment_of(old))) > worthwhile_depth()) return false;
    if (old.depth == directory_.depth()) {
      directory_.grow();
      at *= 2;
    }
    Fresh halves[2] = {make_segment(capacity_after_split(old.count - right), depth),
                       make_segment(capacity_after_split(right), depth)};
    move_entries(old, &halves[0].place, &halves[1].place, bit);
    const std::size_t half = directory_.aliases(halves[0].place);
    const std::size_t begin = at & ~(2 * half - 1);
    install(begin, halves[0]);
    install(begin + half, halves[1]);
    discard(&segment_of(old));
    return true;
  }

  /// How many top bits it takes to tell some two entries apart.
  [[gnu::cold]] static std::uint32_t separating_depth(Segment& segment) {
    std::uint32_t all = ~std::uint32_t{0};
    std::uint32_t any = 0;
    segment.for_each([&](const Entry& entry) {
      all &= entry.tag;
      any |= entry.tag;
    });
    return static_cast<std::uint32_t>(std::countl_zero(all ^ any)) + 1;
  }

  /// Hashes that agree in more bits than chance would have it are not worth doubling the directory for.
  std::uint32_t worthwhile_depth() const {
    return std::min<std::uint32_t>(kMaxDepth, static_cast<std::uint32_t>(std::bit_width(size_ / max_capacity())) + 12);
  }

  /// A segment that had outgrown the limit may leave more than fits one.
  std::uint32_t capacity_after_split(std::uint32_t count) const {
    return std::max(max_capacity(), count + count / 2 + 2);
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

  [[gnu::noinline]] void shrink(std::size_t at, std::uint32_t capacity) {
    capacity = std::max(kMinCapacity, capacity);
    if (capacity < directory_.owner(at).capacity) rebuild(at, capacity);
    while (merge(at)) {
    }
    tidy_at(at);
  }

  void tidy_at(std::size_t at) {
    if constexpr (UsesArena<Payload>) {
      if (segment_of(directory_[at]).arena().mostly_free()) rebuild(at, directory_[at].capacity);
    }
  }

  [[gnu::cold]] bool merge(std::size_t& at) {
    const SegmentRef place = directory_.owner(at);
    if (place.depth == 0) return false;
    const std::size_t span = directory_.aliases(place);
    const std::size_t sibling_at = directory_.first_alias(at) ^ span;
    const std::uint32_t count = place.count + directory_[sibling_at].count;
    if (directory_[sibling_at].depth != place.depth || count > max_capacity() / 4) return false;
    if (directory_[sibling_at].version != version_) unshare(sibling_at);
    Fresh merged = make_segment(std::max(kMinCapacity, 2 * count), place.depth - 1);
    const SegmentRef parts[] = {place, directory_[sibling_at]};
    for (const SegmentRef& part : parts) move_entries(part, &merged.place, &merged.place, 0);
    install(at, merged);
    for (const SegmentRef& part : parts) discard(&segment_of(part));
    if (directory_.size() > 8 * segments_) directory_.shrink(at);
    return true;
  }

  IndexLimits limits_;
  Directory directory_;
  Marks marks_;
  Array<std::uint32_t> vacant_;         // places among the marks, during drain_marks()
  Array<std::uint64_t> mostly_vacant_;  // hashes of segments, likewise
  Array<std::uint32_t> taken_;          // for move_entries()
  std::uint32_t version_ = 1;
  std::uint32_t links_since_ = 0;  // segments of older versions have links that have been forgotten
  std::size_t size_ = 0;
  std::size_t segments_ = 0;
  std::size_t segment_bytes_ = 0;
};

}  // namespace lockstep
