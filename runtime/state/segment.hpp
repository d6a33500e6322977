#pragma once

#include <atomic>
#include <concepts>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "runtime/rows/traits.hpp"
#include "runtime/state/arena.hpp"
#include "runtime/state/segment_memory.hpp"

namespace lockstep {

/// A payload part of which lives in its segment's arena, and which therefore moves and copies with its segment's
/// help. Its functions take the bases of the arenas between which it goes.
template <class Payload>
concept UsesArena = requires {
  typename Payload::InArena;
};

struct NoArena {};

/// A key, what the table holds for it, and two words: `tag`, the high half of the key's hash (0: no entry), and
/// `link`, by which the table finds the entry among those marked in this step.
template <class Key, class Payload, bool kLinked>
struct Entry {
  std::uint32_t tag;
  std::uint32_t link;
  Key key;
  Payload payload;
};

/// Of a table without marks. A payload that begins with a word of its own has it beside the tag.
template <class Key, class Payload>
struct Entry<Key, Payload, false> {
  alignas(std::uint64_t) std::uint32_t tag;
  Payload payload;
  Key key;
};

/// Owns one reference to something that is release()d. (As std::unique_ptr with a deleter would, for a fifth of the
/// functions.)
template <class T>
class Holder {
 public:
  explicit Holder(T* held) : held_(held) {}
  Holder(Holder&& other) noexcept : held_(other.release()) {}
  Holder& operator=(Holder&&) = delete;
  ~Holder() {
    if (held_ != nullptr) held_->release();
  }
  T* get() const { return held_; }
  T* operator->() const { return held_; }
  T& operator*() const { return *held_; }
  T* release() { return std::exchange(held_, nullptr); }

 private:
  T* held_;
};

/// What is known of a segment whose types are not.
class SegmentHead {
 public:
  explicit SegmentHead(std::uint32_t capacity) : capacity_(capacity) {}
  SegmentHead(const SegmentHead&) = delete;
  SegmentHead& operator=(const SegmentHead&) = delete;

  void add_owner() { owners_.fetch_add(1, std::memory_order_relaxed); }
  bool sole_owner() const { return owners_.load(std::memory_order_acquire) == 1; }
  std::uint32_t capacity() const { return capacity_; }

 protected:
  ~SegmentHead() = default;
  /// Returns whether it was the last.
  bool drop_owner() { return owners_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

 private:
  std::atomic<std::uint32_t> owners_{1};
  std::uint32_t capacity_;
};

/// A relocatable piece of a table: all entries of one range of hashes, open-addressed, with an arena for what their
/// payloads hold beyond themselves. Worker-local, until a pin shares it; a shared segment is never written.
template <class Key, class Payload, bool kLinked>
class Segment : public SegmentHead {
 public:
  using Entry = lockstep::Entry<Key, Payload, kLinked>;

  static std::size_t bytes_for(std::uint32_t capacity) { return kHead + capacity * sizeof(Entry); }

  /// The inverse. A segment that is a little larger than a power of two wastes up to a quarter of its memory.
  static std::uint32_t capacity_for(std::size_t bytes) {
    return bytes < kHead ? 0 : static_cast<std::uint32_t>((bytes - kHead) / sizeof(Entry));
  }

  [[gnu::noinline]] static Segment* make(std::uint32_t capacity) {
    void* memory = segment_memory::allocate(bytes_for(capacity));
    auto* segment = new (memory) Segment(capacity);
    for (std::uint32_t i = 0; i < capacity; ++i) segment->entries()[i].tag = 0;
    return segment;
  }

  /// Drops one owner. Any thread. Pairs with sole_owner(): what an owner read happens before the sole owner's writes.
  void release() {
    if (drop_owner()) destroy();
  }
  std::size_t bytes() const {
    if constexpr (UsesArena<Payload>) return bytes_for(capacity()) + arena_.capacity();
    return bytes_for(capacity());
  }

  Entry* entries() { return reinterpret_cast<Entry*>(reinterpret_cast<std::byte*>(this) + kHead); }
  const Entry* entries() const {
    return reinterpret_cast<const Entry*>(reinterpret_cast<const std::byte*>(this) + kHead);
  }
  Entry* end() { return entries() + capacity(); }

  /// A block of the arena for one of this segment's payloads.
  std::uint32_t allocate(std::uint32_t bytes) {
    if (!arena_.has_room(bytes)) grow_arena(bytes);
    return arena_.allocate(bytes);
  }

  auto& arena() { return arena_; }
  const auto& arena() const { return arena_; }

  template <class Function>
  void for_each(Function&& function) {
    for (Entry* entry = entries(); entry != end(); ++entry) {
      if (entry->tag != 0) function(*entry);
    }
  }

  using Owner = Holder<Segment>;

  /// The same segment again, for the one owner who wants to write.
  Owner clone() const {
    Owner copy(make(capacity()));
    if constexpr (UsesArena<Payload>) copy->arena_.copy_layout(arena_);
    for (std::uint32_t i = 0; i < capacity(); ++i) {
      if (entries()[i].tag != 0) copy->copy_entry(copy->entries()[i], entries()[i], *this);
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
  static constexpr std::size_t kAlign = std::max(alignof(Entry), alignof(std::max_align_t));
  static_assert(kAlign == alignof(std::max_align_t), "lockstep: rows with more than the usual alignment");

  explicit Segment(std::uint32_t capacity) : SegmentHead(capacity) { static_assert(sizeof(Segment) <= kHead); }
  ~Segment() = default;

  [[gnu::noinline]] void destroy() {
    for_each([this](Entry& entry) { destroy_entry(entry); });
    const std::size_t bytes = bytes_for(capacity());
    this->~Segment();
    segment_memory::free(this, bytes);
  }

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
    std::byte* old = arena_.grow(bytes);
    if constexpr (!Payload::kArenaBitwise) {
      for_each([&](Entry& entry) { entry.payload.rebase(old, arena_.at(0)); });
    }
    Arena::release(old);
  }

  [[no_unique_address]] std::conditional_t<UsesArena<Payload>, Arena, NoArena> arena_;

  static constexpr std::size_t kHeadFields = 8;
  static constexpr std::size_t kHead =
      (kHeadFields + (UsesArena<Payload> ? sizeof(Arena) : 0) + kAlign - 1) / kAlign * kAlign;
};

}  // namespace lockstep
