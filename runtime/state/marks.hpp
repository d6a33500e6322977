#pragma once

#include <concepts>
#include <cstdint>
#include <utility>

#include "runtime/rows/shape.hpp"
#include "runtime/zset/array.hpp"

namespace lockstep {

struct NoMark {};
/// Of a table whose entries have no marks, but links, by which it tells what has changed.
struct NoMarkButLink {};
template <class Mark>
inline constexpr bool kIsMark = !std::same_as<Mark, NoMark> && !std::same_as<Mark, NoMarkButLink>;

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
      copy.payload = entry->payload;
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

/// The entries of a table that a step has touched, in the order of their first touch. An entry's link is its place
/// here plus a base; at the end of a step the base moves on, so that no link has to be cleared.
template <class Entry, class Mark>
class Marks {
 public:
  using Marked = lockstep::Marked<Entry, Mark>;

  /// An entry's mark, new or not, and whether it is new.
  std::pair<Marked*, bool> mark(Entry* entry) {
    if (has(*entry)) return {&list_[place_of(*entry)], false};
    entry->link = base_ + static_cast<std::uint32_t>(list_.size());
    return {&list_.emplace_back(entry), true};
  }
  bool has(const Entry& entry) const { return place_of(entry) < list_.size(); }
  /// REQUIRES: it has one.
  std::uint32_t place_of(const Entry& entry) const { return entry.link - base_; }
  Marked& operator[](std::size_t place) { return list_[place]; }
  std::size_t size() const { return list_.size(); }
  bool empty() const { return list_.empty(); }

  /// The entry has moved here.
  void follow(Entry* entry) {
    if (has(*entry)) list_[place_of(*entry)].entry = entry;
  }

  /// An entry may lie on two lines.
  [[gnu::always_inline]] void prefetch(std::size_t place) const {
    if (place >= list_.size()) return;
    const auto* entry = reinterpret_cast<const char*>(list_[place].entry);
    __builtin_prefetch(entry, 1);
    __builtin_prefetch(entry + sizeof(Entry) - 1, 1);
  }

  void clear() {
    base_ += static_cast<std::uint32_t>(list_.size());
    last_ = list_.size();
    list_.clear();
  }
  /// REQUIRES: it is empty.
  void give_back_idle() { list_.give_back_idle(last_); }
  /// Links of earlier steps are less than this.
  std::uint32_t base() const { return base_; }
  /// After the links of all entries have been set to 0.
  void restart() { base_ = 1; }

 private:
  Array<Marked> list_;
  std::uint32_t base_ = 1;
  std::size_t last_ = 0;  // how many there were last
};

/// A table without marks has none.
template <class Entry, class Mark>
requires(!kIsMark<Mark>) class Marks<Entry, Mark> {
 public:
  bool has(const Entry&) const { return false; }
  bool empty() const { return true; }
  void follow(Entry*) {}
};

}  // namespace lockstep
