#pragma once

#include <cassert>
#include <vector>

#include "runtime/append_vector.hpp"
#include "runtime/limits.hpp"
#include "runtime/segment.hpp"
#include "runtime/self_test.hpp"
#include "runtime/slot.hpp"

namespace lockstep {

struct NoMark {};

/// An entry that a step has touched, with what its operator notes of it. Small keys and payloads are noted too, so that
/// the end of the step need not fetch an entry again that has left the cache by then. (Measured: bench/NOTES.md.)
template <class Entry, class Mark>
struct Marked {
  using Key = decltype(Entry::key);
  using Payload = decltype(Entry::payload);
  static constexpr bool kHasCopy = kBitwise<Key> && kBitwise<Payload> && sizeof(Key) + sizeof(Payload) <= 40;
  struct Copy {
    Key key;
    Payload payload;
  };

  Entry* entry;
  [[no_unique_address]] Mark mark;
  [[no_unique_address]] std::conditional_t<kHasCopy, Copy, NoMark> copy;

  explicit Marked(Entry* entry) : entry(entry), mark(), copy(copy_of(*entry)) {}

  const Key& key() const {
    if constexpr (kHasCopy) {
      return copy.key;
    } else {
      return entry->key;
    }
  }
  /// As it was when written() was called last.
  const Payload& payload() const {
    if constexpr (kHasCopy) {
      return copy.payload;
    } else {
      return entry->payload;
    }
  }
  /// Call when the entry's payload has changed.
  void written() {
    if constexpr (kHasCopy) {
      if (!planted(Bug::copy_beside_mark_is_stale)) copy.payload = entry->payload;
    }
  }

 private:
  static auto copy_of(const Entry& entry) {
    if constexpr (kHasCopy) {
      return Copy{entry.key, entry.payload};
    } else {
      return NoMark{};
    }
  }
};

/// A hash table in segments: the state behind every index. A directory, indexed by the top bits of the hash,
/// names the segment that holds a range of hashes; a full segment splits in two, so growth never stops the
/// table, and a segment that is nearly empty merges with its neighbour. (Extendible hashing: Fagin et al.,
/// TODS 1979.)
///
/// Every write goes through insert() or writable(): there, a segment that a pin shares is copied first. share() pins.
/// An entry may be marked once per step with a `Mark`; marks follow entries that move. Worker-local but for
/// the pins, which any thread may read and drop.
///
/// Cost: O(1) expected per operation; share() is O(segments).
template <class Key, class Payload, class Mark = NoMark, class Hash = RowHash>
class Table {
 public:
  using Segment = lockstep::Segment<Key, Payload>;
  using Entry = typename Segment::Entry;

  using Marked = lockstep::Marked<Entry, Mark>;

  explicit Table(const IndexLimits& limits = {}) : limits_(limits) { directory_.resize(2, vacant()); }
  Table(Table&& other) noexcept
      : limits_(other.limits_),
        directory_(std::exchange(other.directory_, std::vector<DirectoryEntry>(2, vacant()))),
        marked_(std::move(other.marked_)),
        first_link_(other.first_link_),
        depth_(std::exchange(other.depth_, 1)),
        version_(other.version_),
        size_(std::exchange(other.size_, 0)),
        segments_(std::exchange(other.segments_, 0)),
        segment_bytes_(std::exchange(other.segment_bytes_, 0)) {}
  Table& operator=(Table&& other) noexcept {
    std::swap(limits_, other.limits_);
    std::swap(directory_, other.directory_);
    std::swap(marked_, other.marked_);
    std::swap(first_link_, other.first_link_);
    std::swap(depth_, other.depth_);
    std::swap(version_, other.version_);
    std::swap(size_, other.size_);
    std::swap(segments_, other.segments_);
    std::swap(segment_bytes_, other.segment_bytes_);
    return *this;
  }
  ~Table() {
    for_each_segment([](Segment& segment) { segment.release(); });
  }

  std::size_t size() const { return size_; }
  std::size_t bytes() const { return segment_bytes_ + directory_.capacity() * sizeof(DirectoryEntry); }

  /// Inlined by force: GCC 12 takes a function that does nothing but prefetch for one without effects, and drops it.
  /// Where entries have lately come or gone, or payloads lie in the arena, their segment's head is fetched too.
  [[gnu::always_inline]] void prefetch(std::uint64_t hash) {
    const DirectoryEntry& place = directory_[index(hash)];
    const auto* entry = reinterpret_cast<const char*>(first(place, tag_of(hash)));
    __builtin_prefetch(entry, 1);
    __builtin_prefetch(entry + 63, 1);
    if (UsesArena<Payload> || heads_wanted_ != 0) {
      if (!UsesArena<Payload>) --heads_wanted_;
      __builtin_prefetch(place.segment, 1);
    }
  }

  const Entry* find(const Key& key, std::uint64_t hash) const {
    const DirectoryEntry& place = directory_[index(hash)];
    return probe(place, key, tag_of(hash));
  }

  /// The entry of this key, created with an empty payload if there was none, ready to be written.
  [[gnu::always_inline]] Entry* insert(const Key& key, std::uint64_t hash) {
    const DirectoryEntry& place = directory_[index(hash)];
    if (place.version == version_) [[likely]] {
      if (const Entry* entry = probe(place, key, tag_of(hash))) [[likely]]
        return const_cast<Entry*>(entry);
    }
    return insert_slowly(key, hash);
  }

  /// The entry of this key, ready to be written, or null.
  Entry* writable(const Key& key, std::uint64_t hash) {
    return const_cast<Entry*>(probe(directory_[writable_place(hash)], key, tag_of(hash)));
  }

  /// REQUIRES: the entry came from insert() or writable() with this hash and nothing was inserted since. Other
  /// entries may move; marks follow them.
  void erase(Entry* entry, std::uint64_t hash) {
    const std::size_t at = index(hash);
    Segment& segment = *directory_[at].segment;
    segment.destroy_entry(*entry);
    close_gap(segment, entry);
    --segment.count;
    --size_;
    if (segment.count <= segment.capacity() / 8) {
      shrink(at);
    } else {
      tidy_at(at);
    }
  }

  /// The segment in whose arena the payload of this hash lives.
  Segment& segment(std::uint64_t hash) { return *directory_[index(hash)].segment; }
  const Segment& segment(std::uint64_t hash) const { return *directory_[index(hash)].segment; }

  /// Gives back what the arena of this segment has free, if that is most of it. Entries move.
  void tidy(std::uint64_t hash) { tidy_at(index(hash)); }

  /// Call around a change of a payload that may change its arena's size.
  void account(const Segment& segment, std::size_t bytes_before) { segment_bytes_ += segment.bytes() - bytes_before; }

  /// Marks an entry, once: returns the mark, new or not, and whether it is new. Call Marked::written() when the
  /// payload has been changed.
  std::pair<Marked*, bool> mark(Entry* entry) {
    if (is_marked(*entry)) return {&marked_[place_of(*entry)], false};
    entry->link = first_link_ + static_cast<std::uint32_t>(marked_.size());
    return {&marked_.emplace_back(entry), true};
  }
  /// A marked entry's place among the marked.
  std::uint32_t place_of(const Entry& entry) const { return entry.link - first_link_; }
  AppendVector<Marked>& marked() { return marked_; }
  /// At the end of a step: calls function(marked) for each marked entry, in the order of their marking, and clears the
  /// marks. The function returns whether the entry is to be erased.
  template <class Function>
  void drain_marked(Function&& function) {
    for (std::size_t i = 0; i < marked_.size(); ++i) {
      if constexpr (!Marked::kHasCopy) prefetch_marked(i + kMarkedAhead);
      if (function(marked_[i])) {
        const std::uint64_t hash = Hash()(marked_[i].key());
        __builtin_prefetch(directory_[index(hash)].segment, 1);
        gone_.push_back({i, hash});
      }
    }
    for (std::size_t i = 0; i < gone_.size(); ++i) {
      if (i + kMarkedAhead < gone_.size()) prefetch_marked(gone_[i + kMarkedAhead].place);
      erase(marked_[gone_[i].place].entry, gone_[i].hash);
    }
    gone_.clear();
    clear_marks();
  }

  template <class Function>
  void for_each(Function&& function) const {
    for_each_segment(
        [&](Segment& segment) { segment.for_each([&](Entry& entry) { function(std::as_const(entry)); }); });
  }

  /// All entries whose hashes begin with these bits, each with its segment.
  template <class Function>
  void for_each_with_prefix(std::uint64_t prefix, unsigned bits, Function&& function) const {
    const std::uint64_t low = prefix << (64 - bits);
    const std::uint64_t high = low | (~std::uint64_t{0} >> bits);
    for (std::size_t at = index(low); at <= index(high); at = (at & ~(aliases(at) - 1)) + aliases(at)) {
      if (directory_[at].capacity == 0) continue;
      Segment& segment = *directory_[at].segment;
      segment.for_each([&](Entry& entry) {
        if (segment.depth() >= bits || Hash()(entry.key) >> (64 - bits) == prefix) {
          function(std::as_const(entry), std::as_const(segment));
        }
      });
    }
  }

  /// A pin: a table with the same contents that stays as it is, at the cost of a word per segment. REQUIRES: no marks.
  Table share() {
    assert(marked_.empty());
    Table pin(limits_);
    pin.directory_ = directory_;
    pin.depth_ = depth_;
    pin.size_ = size_;
    pin.segments_ = segments_;
    pin.segment_bytes_ = segment_bytes_;
    for_each_segment([](Segment& segment) { segment.share(); });
    ++version_;
    pin.version_ = version_;
    return pin;
  }

 private:
  /// A directory entry repeats what a probe needs of its segment, which saves a cache miss. (Measured: 10 %.)
  struct DirectoryEntry {
    Segment* segment;
    std::uint32_t capacity;
    std::uint32_t version;
  };

  /// A marked entry that is to be erased.
  struct Gone {
    std::size_t place;
    std::uint64_t hash;
  };

  static constexpr std::uint32_t kMinCapacity = 4;
  static constexpr std::uint32_t kMaxDepth = 30;
  static constexpr std::size_t kMarkedAhead = 24;
  static constexpr std::uint32_t kHeadsWanted = 64;

  static std::uint32_t tag_of(std::uint64_t hash) {
    const auto low = static_cast<std::uint32_t>(hash);
    return low == 0 ? 1 : low;
  }

  /// The place of a segment that has not been needed yet: one vacant entry, so that probes need no special case.
  DirectoryEntry vacant() const {
    alignas(std::max_align_t) static const std::byte nothing[1024]{};
    static_assert(sizeof(Segment) + sizeof(std::uint32_t) + alignof(std::max_align_t) <= sizeof nothing);
    return {const_cast<Segment*>(reinterpret_cast<const Segment*>(nothing)), 0, 1};
  }

  std::size_t index(std::uint64_t hash) const { return hash >> (64 - depth_); }
  std::size_t aliases(std::size_t at) const {
    const DirectoryEntry& place = directory_[at];
    return std::size_t{1} << (depth_ - (place.capacity == 0 ? 0 : place.segment->depth()));
  }
  std::uint32_t max_capacity() const { return std::max(kMinCapacity, Segment::capacity_for(limits_.segment_bytes)); }

  static Entry* first(const DirectoryEntry& place, std::uint32_t tag) {
    return place.segment->entries() + Segment::home(tag, place.capacity);
  }

  /// The entry of this key, or the vacant one where it would be.
  [[gnu::always_inline]] static const Entry* probe_end(const DirectoryEntry& place, const Key& key, std::uint32_t tag) {
    const Entry* entry = first(place, tag);
    const Entry* const end = place.segment->entries() + place.capacity;
    while (entry->tag != 0) {
      if (entry->tag == tag && row_traits<Key>::equal(entry->key, key)) return entry;
      if (++entry == end) entry = place.segment->entries();
    }
    return entry;
  }
  [[gnu::always_inline]] static const Entry* probe(const DirectoryEntry& place, const Key& key, std::uint32_t tag) {
    const Entry* entry = probe_end(place, key, tag);
    return entry->tag != 0 ? entry : nullptr;
  }

  /// Where the key may be new or the segment shared.
  [[gnu::noinline]] Entry* insert_slowly(const Key& key, std::uint64_t hash) {
    const std::uint32_t tag = tag_of(hash);
    for (;;) {
      const std::size_t at = writable_place(hash);
      const DirectoryEntry& place = directory_[at];
      auto* entry = const_cast<Entry*>(probe_end(place, key, tag));
      if (entry->tag != 0) return entry;
      if (place.capacity == 0 || place.segment->full()) {
        make_room(at);
        continue;
      }
      std::construct_at(&entry->key, key);
      std::construct_at(&entry->payload);
      entry->link = 0;
      entry->tag = tag;
      ++place.segment->count;
      ++size_;
      heads_wanted_ = kHeadsWanted;
      return entry;
    }
  }

  template <class Function>
  void for_each_segment(Function&& function) const {
    for (std::size_t at = 0; at < directory_.size();) {
      const DirectoryEntry place = directory_[at];
      at += aliases(at);
      if (place.capacity != 0) function(*place.segment);
    }
  }

  /// The one write point.
  std::size_t writable_place(std::uint64_t hash) {
    const std::size_t at = index(hash);
    if (directory_[at].version != version_) [[unlikely]]
      unshare(at);
    return at;
  }

  void unshare(std::size_t at) {
    Segment* segment = directory_[at].segment;
    if (directory_[at].capacity != 0 && !segment->sole_owner() && !planted(Bug::pin_is_not_copied)) {
      reached(Place::segment_unshared);
      Segment* copy = segment->clone();
      segment_bytes_ += copy->bytes() - segment->bytes();
      segment->release();
      segment = copy;
    }
    set(at, segment, directory_[at].capacity);
  }

  /// Puts a segment at all its directory entries.
  void set(std::size_t at, Segment* segment, std::uint32_t capacity) {
    const std::size_t count = std::size_t{1} << (depth_ - (capacity == 0 ? 0 : segment->depth()));
    const std::size_t begin = at & ~(count - 1);
    for (std::size_t i = begin; i < begin + count; ++i) directory_[i] = {segment, capacity, version_};
  }

  /// Links of earlier steps are less than first_link_; nothing clears them.
  bool is_marked(const Entry& entry) const { return place_of(entry) < marked_.size(); }

  void follow(Entry* entry) {
    if (is_marked(*entry)) marked_[place_of(*entry)].entry = entry;
  }

  void clear_marks() {
    first_link_ += static_cast<std::uint32_t>(marked_.size());
    marked_.clear();
    if (first_link_ > limits_.links) [[unlikely]]
      forget_links();
  }

  /// Before links run out: all entries are as if they had never been marked.
  void forget_links() {
    reached(Place::links_forgotten);
    for (std::size_t at = 0; at < directory_.size(); at += aliases(at)) {
      if (directory_[at].version != version_) unshare(at);
      if (directory_[at].capacity != 0) directory_[at].segment->for_each([](Entry& entry) { entry.link = 0; });
    }
    first_link_ = 1;
  }

  /// An entry may lie on two lines.
  [[gnu::always_inline]] void prefetch_marked(std::size_t place) const {
    if (place >= marked_.size()) return;
    const auto* entry = reinterpret_cast<const char*>(marked_[place].entry);
    __builtin_prefetch(entry, 1);
    __builtin_prefetch(entry + sizeof(Entry) - 1, 1);
  }

  void adopt(Segment* to, Segment& from, Entry& entry) {
    Entry* place = to->vacancy(entry.tag);
    to->take(place, from, entry);
    follow(place);
    ++to->count;
    --from.count;
  }

  Segment* make_segment(std::uint32_t capacity, std::uint32_t depth) {
    ++segments_;
    return Segment::make(capacity, depth);
  }

  void discard(Segment* segment, std::size_t bytes_before) {
    segment_bytes_ -= bytes_before;
    --segments_;
    segment->release();
  }

  void make_room(std::size_t at) {
    const std::uint32_t capacity = directory_[at].capacity;
    if (capacity == 0) {
      Segment* fresh = make_segment(kMinCapacity, 0);
      segment_bytes_ += fresh->bytes();
      set(at, fresh, fresh->capacity());
    } else if (capacity < max_capacity()) {
      rebuild(at, std::min(max_capacity(), capacity * 2));
    } else if (!split(at)) {
      reached(Place::segment_grew_in_place);
      rebuild(at, capacity * 2);
    }
  }

  /// How many top bits it takes to tell some two entries apart.
  static std::uint32_t separating_depth(Segment& segment) {
    std::uint64_t all = ~std::uint64_t{0};
    std::uint64_t any = 0;
    segment.for_each([&](const Entry& entry) {
      const std::uint64_t hash = Hash()(entry.key);
      all &= hash;
      any |= hash;
    });
    return static_cast<std::uint32_t>(std::countl_zero(all ^ any)) + 1;
  }

  /// Hashes that agree in more bits than chance would have it are not worth doubling the directory for.
  std::uint32_t worthwhile_depth() const {
    return std::min<std::uint32_t>(kMaxDepth, static_cast<std::uint32_t>(std::bit_width(size_ / max_capacity())) + 12);
  }

  void rebuild(std::size_t at, std::uint32_t capacity) {
    Segment* old = directory_[at].segment;
    const std::size_t bytes_before = old->bytes();
    Segment* fresh = make_segment(capacity, old->depth());
    old->for_each([&](Entry& entry) { adopt(fresh, *old, entry); });
    segment_bytes_ += fresh->bytes();
    set(at, fresh, capacity);
    discard(old, bytes_before);
  }

  /// Splits a segment into the two halves of its range, the left of which stays where it is. Returns false if no split
  /// would do that tells its entries apart.
  bool split(std::size_t at) {
    Segment* old = directory_[at].segment;
    const std::uint32_t depth = old->depth() + 1;
    // The places of the entries that go, listed without a branch: which ones go is as good as random.
    if (goes_.size() < old->capacity()) goes_.resize(old->capacity());
    std::uint32_t right_count = 0;
    old->for_each([&](const Entry& entry) {
      goes_[right_count] = static_cast<std::uint32_t>(&entry - old->entries());
      right_count += static_cast<std::uint32_t>(Hash()(entry.key) >> (64 - depth) & 1);
    });
    const bool apart = right_count != 0 && right_count != old->count;
    if ((apart ? depth : separating_depth(*old)) > worthwhile_depth()) return false;
    reached(Place::segment_split);
    if (old->depth() == depth_) {
      double_directory();
      at *= 2;
    }
    const std::size_t bytes_before = old->bytes();
    Segment* right = make_segment(roomy(right_count), depth);
    const std::uint32_t vacant = old->first_vacant();
    for (std::uint32_t i = 0; i < right_count; ++i) adopt(right, *old, old->entries()[goes_[i]]);
    if (planted(Bug::split_loses_an_entry) && right->count > 1) drop_first(*right);
    old->deepen();
    old->close_gaps(vacant, [this](Entry* entry) { follow(entry); });
    segment_bytes_ += right->bytes() + old->bytes() - bytes_before;
    const std::size_t half = std::size_t{1} << (depth_ - depth);
    const std::size_t begin = at & ~(2 * half - 1);
    set(begin, old, old->capacity());
    set(begin + half, right, right->capacity());
    tidy_at(begin);
    return true;
  }

  void double_directory() {
    std::vector<DirectoryEntry> doubled;
    doubled.reserve(directory_.size() * 2);
    for (const DirectoryEntry& place : directory_) doubled.insert(doubled.end(), 2, place);
    directory_ = std::move(doubled);
    ++depth_;
  }

  /// The capacity for what a split leaves. A segment that had outgrown the limit may leave more than fits one.
  std::uint32_t roomy(std::uint32_t count) const {
    const std::uint32_t needed = count + count / 2 + 2;
    return std::max(needed, std::clamp(count + count * 3 / 4 + 2, kMinCapacity, max_capacity()));
  }

  /// Shifts back the entries that probed past the gap, so that no tombstone is needed.
  void close_gap(Segment& segment, Entry* gap) {
    const std::uint32_t capacity = segment.capacity();
    Entry* const entries = segment.entries();
    auto hole = static_cast<std::uint32_t>(gap - entries);
    for (std::uint32_t i = hole;;) {
      if (++i == capacity) i = 0;
      Entry& entry = entries[i];
      if (entry.tag == 0 || planted(Bug::erased_entry_leaves_gap)) return;
      const auto distance = [capacity, i](std::uint32_t from) { return i >= from ? i - from : i + capacity - from; };
      if (distance(Segment::home(entry.tag, capacity)) < distance(hole)) continue;
      reached(Place::segment_shifted_back);
      segment.take(entries + hole, segment, entry);
      follow(entries + hole);
      hole = i;
    }
  }

  void shrink(std::size_t at) {
    const std::uint32_t capacity = directory_[at].capacity;
    if (capacity > kMinCapacity) rebuild(at, std::max(kMinCapacity, capacity / 2));
    while (merge(at)) {
    }
    tidy_at(at);
  }

  void tidy_at(std::size_t at) {
    if constexpr (UsesArena<Payload>) {
      if (directory_[at].segment->arena().mostly_free()) rebuild(at, directory_[at].capacity);
    }
  }

  bool merge(std::size_t& at) {
    Segment* segment = directory_[at].segment;
    if (segment->depth() == 0) return false;
    const std::size_t span = aliases(at);
    const std::size_t begin = at & ~(span - 1);
    const std::size_t sibling_at = begin ^ span;
    Segment* sibling = directory_[sibling_at].segment;
    const std::uint32_t count = segment->count + sibling->count;
    if (sibling->depth() != segment->depth() || count > max_capacity() / 4) return false;
    if (directory_[sibling_at].version != version_) unshare(sibling_at);
    sibling = directory_[sibling_at].segment;
    reached(Place::segment_merged);
    Segment* merged = make_segment(std::max(kMinCapacity, 2 * count), segment->depth() - 1);
    for (Segment* part : {segment, sibling}) {
      const std::size_t bytes_before = part->bytes();
      part->for_each([&](Entry& entry) { adopt(merged, *part, entry); });
      discard(part, bytes_before);
    }
    segment_bytes_ += merged->bytes();
    set(at, merged, merged->capacity());
    if (directory_.size() > 8 * segments_) halve(at);
    return true;
  }

  void halve(std::size_t& at) {
    std::uint32_t deepest = 1;
    for_each_segment([&](Segment& segment) { deepest = std::max(deepest, segment.depth()); });
    const std::uint32_t fold = depth_ - deepest;
    if (fold == 0) return;
    std::vector<DirectoryEntry> folded;
    for (std::size_t i = 0; i < directory_.size(); i += std::size_t{1} << fold) folded.push_back(directory_[i]);
    directory_ = std::move(folded);
    depth_ = deepest;
    at >>= fold;
  }

  /// For a planted bug.
  void drop_first(Segment& segment) {
    for (Entry* entry = segment.entries(); entry != segment.end(); ++entry) {
      if (entry->tag == 0 || is_marked(*entry)) continue;
      segment.destroy_entry(*entry);
      close_gap(segment, entry);
      --segment.count;
      --size_;
      return;
    }
  }

  IndexLimits limits_;
  std::vector<DirectoryEntry> directory_;
  AppendVector<Marked> marked_;
  AppendVector<Gone> gone_;
  std::vector<std::uint32_t> goes_;  // for split()
  std::uint32_t heads_wanted_ = 0;
  std::uint32_t first_link_ = 1;
  std::uint32_t depth_ = 1;
  std::uint32_t version_ = 1;
  std::size_t size_ = 0;
  std::size_t segments_ = 0;
  std::size_t segment_bytes_ = 0;
};

}  // namespace lockstep
