#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "runtime/row_traits.hpp"

namespace lockstep {

/// Remembers where the keys met last in this step have their place, so that a hot key costs no probe of the index, and
/// is combined before an exchange. Two entries for each of a few hundred hashes; a new key takes the place of an
/// old one. Where keys hardly ever repeat it switches itself off for a while. Worker-local.
template <class K, class Place>
class KeyCache {
 public:
  /// Forgets all keys.
  void next_step() { ++generation_; }

  /// Whether to ask it at all about the next row.
  bool worthwhile() {
    if (rest_ == 0) return true;
    --rest_;
    return false;
  }

  /// The key's place, or null.
  Place* find(const K& key, std::uint64_t hash) {
    if (++asked_ == kWindow) judge();
    for (const std::size_t at : {index(hash), index(hash) ^ 1}) {
      Entry& entry = entries_[at];
      if (entry.generation == generation_ && row_traits<K>::equal(entry.key, key)) {
        ++found_;
        return &entry.place;
      }
    }
    return nullptr;
  }

  void insert(const K& key, std::uint64_t hash, Place place) {
    if (entries_.empty()) return;
    const std::size_t first = index(hash);
    const std::size_t at = entries_[first].generation == generation_ ? first ^ 1 : first;
    entries_[at] = {key, generation_, place};
  }

  /// Before the first use in a step that is worth it.
  void prepare() {
    if (entries_.empty()) entries_.resize(kEntries);
  }

 private:
  static constexpr std::size_t kEntries = 1024;
  static constexpr std::uint32_t kWindow = 256;
  static constexpr std::uint32_t kRest = 16 * kWindow;

  struct Entry {
    K key{};
    std::uint32_t generation = 0;
    Place place{};
  };

  static std::size_t index(std::uint64_t hash) { return hash % kEntries; }

  void judge() {
    if (found_ < kWindow / 4) rest_ = kRest;
    asked_ = found_ = 0;
  }

  std::vector<Entry> entries_;
  std::uint32_t generation_ = 1;
  std::uint32_t asked_ = 0;
  std::uint32_t found_ = 0;
  std::uint32_t rest_ = 0;
};

}  // namespace lockstep
