#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/rows/traits.hpp"
#include "runtime/zset/array.hpp"
#include "runtime/zset/slice.hpp"

namespace lockstep {

/// Finds the keys that occur in the deltas of both sides of a join, and what each side has of them. Few items are
/// compared pair by pair; of many, hardly any meet if keys are many, and a few bits for each of a rule most of b out.
/// Worker-local.
///
/// Cost: O(1) expected for each item.
template <class K, class A, class B>
class KeysInBoth {
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

 public:
  struct KeyInBoth {
    const K* key;
    std::uint64_t hash;

   private:
    friend KeysInBoth;
    KeyInBoth(const K* key, std::uint64_t hash, std::uint32_t next) : key(key), hash(hash), next(next) {}
    std::uint32_t next;       // in its bucket
    std::uint32_t a = kNone;  // its last items
    std::uint32_t b = kNone;
  };

  /// `each_a(visit)` calls visit(key, item) for all of a, in the same order each time; `hashes_a()` gives their keys'
  /// hashes in that order, if they are needed. Items must stay where they are.
  template <class EachA, class HashesA, class EachB, class HashesB>
  void find(std::size_t size_a, EachA&& each_a, HashesA&& hashes_a, std::size_t size_b, EachB&& each_b,
            HashesB&& hashes_b) {
    keys_.clear();
    if (size_a == 0 || size_b == 0) return;
    const bool few = size_a <= kFewPairs && size_a * size_b <= kFewPairs;
    if (few && !any_meet(each_a, each_b)) return;
    const Slice<const std::uint64_t> all_of_a = hashes_a();
    list_candidates(all_of_a, each_b, hashes_b());
    if (items_b_.empty()) return;
    group_candidates();
    in_a_.assign(size_a / 64 + 1, 0);
    in_b_.assign(size_b / 64 + 1, 0);
    add_a(all_of_a, each_a);
    keys_.erase_if([](const KeyInBoth& group) { return group.a == kNone; });
    for (const KeyInBoth& group : keys_) {
      for (std::uint32_t at = group.b; at != kNone; at = items_b_[at].next) set(in_b_, items_b_[at].ordinal);
    }
  }

  /// The keys that occur in both.
  Slice<const KeyInBoth> keys() const { return {keys_.data(), keys_.size()}; }
  template <class Function>
  void for_each_a(const KeyInBoth& group, Function&& function) const {
    for (std::uint32_t at = group.a; at != kNone; at = items_a_[at].next) function(*items_a_[at].item);
  }
  template <class Function>
  void for_each_b(const KeyInBoth& group, Function&& function) const {
    for (std::uint32_t at = group.b; at != kNone; at = items_b_[at].next) function(*items_b_[at].item);
  }
  /// Whether the key of the n-th item of a side is one of them. REQUIRES: there are any.
  bool has_a(std::size_t ordinal) const { return is_set(in_a_, ordinal); }
  bool has_b(std::size_t ordinal) const { return is_set(in_b_, ordinal); }

 private:
  static constexpr std::size_t kFewPairs = 64;
  static constexpr std::size_t kBits = 16;

  template <class Item>
  struct Linked {
    Item* item;
    std::uint32_t next;
  };
  struct Candidate {
    B* item;
    std::uint32_t next;
    const K* key;
    std::uint64_t hash;
    std::size_t ordinal;
  };

  static void set(Array<std::uint64_t>& bits, std::size_t at) { bits[at / 64] |= std::uint64_t{1} << at % 64; }
  static bool is_set(const Array<std::uint64_t>& bits, std::size_t at) { return (bits[at / 64] >> at % 64 & 1) != 0; }

  template <class EachA, class EachB>
  static bool any_meet(EachA&& each_a, EachB&& each_b) {
    bool any = false;
    each_a([&](const K& key_a, A&) { each_b([&](const K& key_b, B&) { any |= row_traits<K>::equal(key_a, key_b); }); });
    return any;
  }

  /// Those of b whose keys may be in a.
  template <class EachB>
  void list_candidates(Slice<const std::uint64_t> hashes_a, EachB&& each_b, Slice<const std::uint64_t> hashes_b) {
    const std::size_t mask = std::bit_ceil(kBits * hashes_a.size()) - 1;
    bits_.assign(mask / 64 + 1, 0);
    for (const std::uint64_t hash : hashes_a) set(bits_, hash & mask);
    items_b_.clear();
    std::size_t ordinal = 0;
    each_b([&](const K& key, B& item) {
      const std::uint64_t hash = hashes_b[ordinal];
      if (is_set(bits_, hash & mask)) items_b_.push_back({&item, kNone, &key, hash, ordinal});
      ++ordinal;
    });
  }

  void group_candidates() {
    buckets_.assign(std::bit_ceil(2 * items_b_.size()), kNone);
    for (std::uint32_t i = 0; i < items_b_.size(); ++i) {
      Candidate& one = items_b_[i];
      std::uint32_t at = find_group(*one.key, one.hash);
      if (at == kNone) {
        at = static_cast<std::uint32_t>(keys_.size());
        keys_.push_back(KeyInBoth(one.key, one.hash, std::exchange(buckets_[one.hash & (buckets_.size() - 1)], at)));
      }
      one.next = std::exchange(keys_[at].b, i);
    }
  }
  template <class EachA>
  void add_a(Slice<const std::uint64_t> hashes_a, EachA&& each_a) {
    items_a_.clear();
    std::size_t ordinal = 0;
    each_a([&](const K& key, A& item) {
      if (const std::uint32_t at = find_group(key, hashes_a[ordinal]); at != kNone) {
        const auto added = static_cast<std::uint32_t>(items_a_.size());
        items_a_.push_back({&item, std::exchange(keys_[at].a, added)});
        set(in_a_, ordinal);
      }
      ++ordinal;
    });
  }

  std::uint32_t find_group(const K& key, std::uint64_t hash) const {
    std::uint32_t at = buckets_[hash & (buckets_.size() - 1)];
    while (at != kNone && !(keys_[at].hash == hash && row_traits<K>::equal(*keys_[at].key, key))) at = keys_[at].next;
    return at;
  }

  Array<KeyInBoth> keys_;
  Array<Linked<A>> items_a_;
  Array<Candidate> items_b_;
  Array<std::uint32_t> buckets_;  // groups by hash
  Array<std::uint64_t> bits_;
  Array<std::uint64_t> in_a_;  // ordinals of items whose key is in both
  Array<std::uint64_t> in_b_;
};

}  // namespace lockstep
