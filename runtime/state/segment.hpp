#pragma once

#include <concepts>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "runtime/rows/traits.hpp"
#include "runtime/state/segment_head.hpp"
#include "runtime/state/segment_memory.hpp"

namespace lockstep {

/// A payload part of which lives in its segment's arena, and which therefore moves and copies with its segment's
/// help. Its functions take the bases of the arenas between which it goes.
template <class Payload>
concept UsesArena = requires {
  typename Payload::InArena;
};

/// A payload that begins with a word of its own, which can lie beside an entry's tag, and leaves the top bits of it to
/// the table, for the link.
template <class Payload>
concept HoldsLink = alignof(Payload) == alignof(std::uint32_t) && requires {
  Payload::kLinkMask;
};

/// A key, what the table holds for it, and two words: `tag`, the high half of the key's hash (0: no entry), and
/// `link`, which grows with time and says when the table has changed the entry last.
template <class Key, class Payload, bool kLinked>
struct Entry {
  std::uint32_t tag;
  std::uint32_t link;
  Key key;
  Payload payload;
};

/// Of a payload that holds the link, or of a table without. A payload that begins with a word of its own has it beside
/// the tag.
template <class Key, class Payload>
struct Entry<Key, Payload, false> {
  alignas(std::uint64_t) std::uint32_t tag;
  Payload payload;
  Key key;
};

/// A relocatable piece of a table: all entries of one range of hashes, open-addressed, with an arena for what their
/// payloads hold beyond themselves. Worker-local, until a pin shares it; a shared segment is never written.
template <class Key, class Payload, bool kLinked>
class Segment : public std::conditional_t<UsesArena<Payload>, SegmentHeadWithArena, SegmentHead> {
  using Head = std::conditional_t<UsesArena<Payload>, SegmentHeadWithArena, SegmentHead>;

 public:
  using Entry = lockstep::Entry<Key, Payload, kLinked>;
  using Head::capacity;

  static constexpr std::uint32_t link_mask() {
    if constexpr (kLinked) {
      return ~std::uint32_t{0};
    } else if constexpr (HoldsLink<Payload>) {
      return Payload::kLinkMask;
    } else {
      return 0;
    }
  }
  static constexpr std::size_t kAlign = alignof(std::max_align_t);
  static constexpr std::size_t kHead = (sizeof(Head) + kAlign - 1) / kAlign * kAlign;
  static constexpr SegmentLayout kLayout{
      .head_bytes = kHead, .entry_bytes = sizeof(Entry), .has_arena = UsesArena<Payload>, .link_mask = link_mask()};
  static_assert(alignof(Entry) <= kAlign, "lockstep: rows with more than the usual alignment");

  [[gnu::noinline]] static Segment* make(std::uint32_t capacity) {
    void* memory = segment_memory::allocate(kLayout.bytes_for(capacity));
    auto* segment = new (memory) Segment(capacity);
    for (std::uint32_t i = 0; i < capacity; ++i) segment->entries()[i].tag = 0;
    return segment;
  }

  /// REQUIRES: nobody owns it.
  [[gnu::noinline]] void destroy() {
    for_each([this](Entry& entry) { destroy_entry(entry); });
    const std::size_t bytes = kLayout.bytes_for(capacity());
    this->~Segment();
    segment_memory::free(this, bytes);
  }

  std::size_t arena_capacity() const {
    if constexpr (UsesArena<Payload>) return this->arena().capacity();
    return 0;
  }

  Entry* entries() { return reinterpret_cast<Entry*>(reinterpret_cast<std::byte*>(this) + kHead); }
  const Entry* entries() const {
    return reinterpret_cast<const Entry*>(reinterpret_cast<const std::byte*>(this) + kHead);
  }
  Entry* end() { return entries() + capacity(); }

  /// A block of the arena for one of this segment's payloads.
  std::uint32_t allocate(std::uint32_t bytes) {
    if (!this->arena().has_room(bytes)) grow_arena(bytes);
    return this->arena().allocate(bytes);
  }

  template <class Function>
  void for_each(Function&& function) {
    for (Entry* entry = entries(); entry != end(); ++entry) {
      if (entry->tag != 0) function(*entry);
    }
  }

  /// The same segment again, for the one owner who wants to write.
  [[gnu::cold]] Segment* clone() const {
    Segment* copy = make(capacity());
    try {
      if constexpr (UsesArena<Payload>) copy->arena().copy_layout(this->arena());
      for (std::uint32_t i = 0; i < capacity(); ++i) {
        if (entries()[i].tag != 0) copy->copy_entry(copy->entries()[i], entries()[i], *this);
      }
    } catch (...) {
      copy->destroy();
      throw;
    }
    return copy;
  }

  /// A segment of one entry, this one's.
  [[gnu::cold]] Segment* clone_entry(const Entry& entry) const {
    Segment* copy = make(1);
    try {
      if constexpr (UsesArena<Payload>) copy->arena().copy_layout(this->arena());
      copy->copy_entry(copy->entries()[0], entry, *this);
    } catch (...) {
      copy->destroy();
      throw;
    }
    return copy;
  }

  /// Moves an entry of `from` to the raw place `to` of this segment, which may be the same one. If the arena cannot
  /// grow, throws, and what has been moved is in the new entry, the rest in the old one.
  void take(Entry* to, Segment& from, Entry& entry) {
    std::construct_at(&to->key, std::move(entry.key));
    if constexpr (kLinked) to->link = entry.link;
    if constexpr (UsesArena<Payload>) {
      if (&from == this) {
        entry.payload.move_to(&to->payload);
      } else {
        std::construct_at(&to->payload);
        to->tag = entry.tag;  // an entry already: if the arena grows for one of its blocks, the others follow
        entry.payload.relocate_to(&to->payload, from, *this);
      }
    } else {
      std::construct_at(&to->payload, std::move(entry.payload));
      std::destroy_at(&entry.payload);
    }
    std::destroy_at(&entry.key);
    to->tag = std::exchange(entry.tag, 0);
  }

  void destroy_entry(Entry& entry) {
    std::destroy_at(&entry.key);
    if constexpr (UsesArena<Payload>) {
      entry.payload.destroy(*this);
    } else {
      std::destroy_at(&entry.payload);
    }
    entry.tag = 0;
  }

 private:
  explicit Segment(std::uint32_t capacity) : Head(capacity) { static_assert(sizeof(Segment) == sizeof(Head)); }
  ~Segment() = default;

  void copy_entry(Entry& to, const Entry& entry, const Segment& from) {
    if constexpr (UsesArena<Payload>) {
      entry.payload.clone_to(&to.payload, from, *this);
    } else {
      std::construct_at(&to.payload, entry.payload);
    }
    try {
      std::construct_at(&to.key, entry.key);
    } catch (...) {
      if constexpr (UsesArena<Payload>) {
        to.payload.destroy(*this);
      } else {
        std::destroy_at(&to.payload);
      }
      throw;
    }
    if constexpr (kLinked) to.link = entry.link;
    to.tag = entry.tag;
  }

  void grow_arena(std::uint32_t bytes) {
    std::byte* old = this->arena().grow(bytes);
    if constexpr (!Payload::kArenaBitwise) {
      for_each([&](Entry& entry) { entry.payload.rebase(old, this->arena().at(0)); });
    }
    Arena::release(old);
  }
};

}  // namespace lockstep
