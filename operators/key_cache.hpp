#pragma once

#include <concepts>
#include <cstdint>
#include <vector>

#include "runtime/row_traits.hpp"

namespace lockstep {

/// Remembers where the keys met last in this step have their place, so that a hot key costs no probe of the index, and
/// is combined before an exchange. Two entries for each of a few hundred codes; a new key takes the place of an
/// old one. Where keys hardly ever repeat it switches itself off for a while. Worker-local.
template <class K, class Place>
class KeyCache {
 public:
  /// By what a key is looked up here: its hash, or for an integer a product, which costs less.
  static constexpr bool kCodeIsHash = !std::integral<K>;
  static std::uint64_t code(const K& key) {
    if constexpr (kCodeIsHash) {
      return row_traits<K>::hash(key);
    } else {
      return (static_cast<std::uint64_t>(key) * 0x9e3779b97f4a7c15) >> 32;
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

  /// Forgets all keys. Before the first use in a step that is worth it.
  void begin_step() {
    if (entries_.empty()) entries_.resize(kEntries);
    if (++generation_ == 0) {
      entries_.assign(kEntries, Entry{});
      generation_ = 1;
    }
  }

  /// The key's place, or null.
  const Place* find(const K& key, std::uint64_t code) const {
    const std::size_t first = index(code);
    if (is(entries_[first], key)) return &entries_[first].place;
    return is(entries_[first ^ 1], key) ? &entries_[first ^ 1].place : nullptr;
  }

  void insert(const K& key, std::uint64_t code, Place place) {
    const std::size_t first = index(code);
    const std::size_t at = entries_[first].generation == generation_ ? first ^ 1 : first;
    entries_[at] = {key, generation_, place};
  }

 private:
  static constexpr std::size_t kEntries = 1024;

  struct Entry {
    K key{};
    std::uint32_t generation = 0;
    Place place{};
  };

  static std::size_t index(std::uint64_t code) { return code % kEntries; }
  bool is(const Entry& entry, const K& key) const {
    return entry.generation == generation_ && row_traits<K>::equal(entry.key, key);
  }

  std::vector<Entry> entries_;
  std::uint32_t generation_ = 0;
};

/// Decides, from the misses of the last lookups, whether to ask a cache about the next rows.
class CacheJudge {
 public:
  CacheJudge() = default;
  /// Member by member, which lets GCC 12 keep a copy in registers while a batch is read. (Measured: bench/NOTES.md.)
  CacheJudge(const CacheJudge& other)
      : left_(other.left_), misses_(other.misses_), asking_(other.asking_), mostly_hits_(other.mostly_hits_) {}
  CacheJudge& operator=(const CacheJudge& other) {
    left_ = other.left_;
    misses_ = other.misses_;
    asking_ = other.asking_;
    mostly_hits_ = other.mostly_hits_;
    return *this;
  }
  ~CacheJudge() = default;

  /// Whether to look the next row up.
  bool ask() {
    if (left_ != 0) [[likely]] {
      --left_;
      return asking_;
    }
    mostly_hits_ = asking_ && misses_ <= kWindow / 8;
    asking_ = !asking_ || misses_ <= kWindow / 4 * 3;
    left_ = asking_ ? kWindow - 1 : kRest - 1;
    misses_ = 0;
    return asking_;
  }
  void miss() { ++misses_; }
  /// Whether so few rows miss that looking ahead for them is not worth it.
  bool mostly_hits() const { return mostly_hits_; }

 private:
  static constexpr std::uint32_t kWindow = 256;
  static constexpr std::uint32_t kRest = 16 * kWindow;

  std::uint32_t left_ = kWindow;
  std::uint32_t misses_ = 0;
  bool asking_ = true;
  bool mostly_hits_ = false;
};

}  // namespace lockstep
