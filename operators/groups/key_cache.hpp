#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "runtime/rows/traits.hpp"
#include "runtime/zset/array.hpp"
#include "runtime/zset/weights.hpp"

namespace lockstep {

/// Keeps something for the keys met last in this step, so that a hot key costs no probe of the index, and is combined
/// before an exchange. Two entries for each of a few hundred codes; a new key takes the place of an old one.
/// Worker-local.
template <class K, class Kept>
class KeyCache {
  static constexpr std::size_t kEntries = 1024;

  struct Entry {
    K key{};
    std::uint32_t generation = 0;
    Kept kept{};
  };

 public:
  /// By what a key is looked up here: its hash, or for an integer the top of a product, which costs less.
  static constexpr bool kCodeIsHash = !std::integral<K>;
  static std::uint64_t code(const K& key) {
    if constexpr (kCodeIsHash) {
      return row_traits<K>::hash(key);
    } else {
      return (static_cast<std::uint64_t>(key) * 0x9e3779b97f4a7c15) >> (64 - std::bit_width(kEntries - 1));
    }
  }
  /// The key's hash, given its code.
  static std::uint64_t hash(const K& key, std::uint64_t code) {
    if constexpr (kCodeIsHash) {
      return code;
    } else {
      return row_traits<K>::hash(key);
    }
  }

  /// Looks keys up, until the end of the step. A copy of one's own can stay in registers.
  class Finder {
   public:
    /// What is kept for the key, or null.
    Kept* find(const K& key, std::uint64_t code) const {
      const std::size_t first = code % kEntries;
      if (is(entries_[first], key)) return &entries_[first].kept;
      return is(entries_[first ^ 1], key) ? &entries_[first ^ 1].kept : nullptr;
    }

   private:
    friend KeyCache;
    Finder(Entry* entries, std::uint32_t generation) : entries_(entries), generation_(generation) {}
    bool is(const Entry& entry, const K& key) const {
      return entry.generation == generation_ && row_traits<K>::equal(entry.key, key);
    }

    Entry* entries_;
    std::uint32_t generation_;
  };
  Finder finder() {
    if (entries_.empty()) entries_.resize(kEntries);
    return {entries_.data(), generation_};
  }

  /// REQUIRES: the key is not found. Calls forget(key, kept) for the key that has to go, if any.
  template <class Forget>
  void insert(const K& key, std::uint64_t code, Kept kept, Forget&& forget) {
    const std::size_t first = code % kEntries;
    const std::size_t at = entries_[first].generation == generation_ ? first ^ 1 : first;
    Entry& entry = entries_[at];
    if (entry.generation == generation_) {
      forget(entry.key, entry.kept);
    } else {
      used_.push_back(static_cast<std::uint32_t>(at));
    }
    entry = {key, generation_, std::move(kept)};
  }

  /// Calls forget(key, kept) for all keys.
  template <class Forget>
  void end_step(Forget&& forget) {
    for (const std::uint32_t at : used_) forget(entries_[at].key, entries_[at].kept);
    used_.clear();
    if (++generation_ == 0) {
      entries_.clear();
      entries_.resize(kEntries);
      generation_ = 1;
    }
  }

 private:
  Array<Entry> entries_;
  Array<std::uint32_t> used_;  // indices of entries of this generation
  std::uint32_t generation_ = 1;
};

/// Decides, by how many of the last rows were met, whether to ask a cache about the next ones; and about fewer and
/// fewer, the longer keys do not repeat.
class CacheJudge {
 public:
  /// Reads all rows: those to be asked about by ask(row, weight), which returns whether the key was met; the others by
  /// pass(row, weight). Inlined, so that what they hold is in registers. (Measured: 10 % of a sender over 10 keys.)
  template <class Reader, class Ask, class Pass>
  [[gnu::always_inline]] void for_each(Reader& in, Ask&& ask, Pass&& pass) {
    const std::size_t rows = in.size();
    typename Reader::Cursor cursor;
    for (std::size_t read = 0; read < rows;) {
      const std::size_t count = std::min(rows - read, left_);
      std::size_t hits = 0;
      std::size_t misses = 0;
      if (asking_) {
        in.for_each(cursor, count, [&](auto&& row, Weight weight) {
          if (ask(std::forward<decltype(row)>(row), weight)) [[likely]] {
            ++hits;
          } else {
            ++misses;
          }
        });
      } else {
        in.for_each(cursor, count, pass);
      }
      read += count;
      hits_ += hits;
      misses_ += misses;
      left_ -= count;
      if (left_ == 0) decide();
    }
  }

  /// Whether so few rows miss that looking ahead for them is not worth it.
  bool mostly_hits() const { return mostly_hits_; }

 private:
  static constexpr std::size_t kWindow = 256;
  static constexpr std::size_t kShortestRest = 16 * kWindow;
  static constexpr std::size_t kLongestRest = 256 * kWindow;

  void decide() {
    mostly_hits_ = asking_ && 7 * misses_ < hits_;
    if (asking_ && misses_ > 3 * hits_) {
      asking_ = false;
      left_ = rest_;
      rest_ = std::min(2 * rest_, kLongestRest);
    } else {
      if (asking_) rest_ = kShortestRest;
      asking_ = true;
      left_ = kWindow;
    }
    hits_ = misses_ = 0;
  }

  bool asking_ = true;
  bool mostly_hits_ = false;
  std::size_t left_ = kWindow;        // rows until it decides again
  std::size_t rest_ = kShortestRest;  // rows that will be passed after the next window that is in vain
  std::size_t hits_ = 0;
  std::size_t misses_ = 0;
};

}  // namespace lockstep
