#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "runtime/append_vector.hpp"
#include "runtime/row_traits.hpp"
#include "runtime/self_test.hpp"

namespace lockstep {

/// Finds those of two deltas that have the same key. Few are compared pair by pair; of many, hardly any two meet over
/// many keys, and a few bits for each of a rule most of b out.
template <class K, class A, class B>
class KeyMatcher {
 public:
  /// Calls function(a, b) for each pair. `each_a(visit)` calls visit(key, a) for all of a, in the same order each time;
  /// `hashes_a()` gives their keys' hashes in that order, if they are needed.
  template <class EachA, class HashesA, class EachB, class HashesB, class Function>
  void for_each_pair(std::size_t size_a, EachA&& each_a, HashesA&& hashes_a, std::size_t size_b, EachB&& each_b,
                     HashesB&& hashes_b, Function&& function) {
    if (size_a * size_b <= kFewPairs) {
      each_a([&](const K& key_a, A& a) {
        each_b([&](const K& key_b, B& b) {
          if (row_traits<K>::equal(key_a, key_b)) function(a, b);
        });
      });
      return;
    }
    reached(Place::join_of_deltas_by_hash);
    const std::size_t mask = std::bit_ceil(kBits * size_a) - 1;
    bits_.assign(mask / 64 + 1, 0);
    const std::span<const std::uint64_t> all_of_a = hashes_a();
    for (const std::uint64_t hash : all_of_a) bits_[(hash & mask) / 64] |= std::uint64_t{1} << hash % 64;
    chain_.clear();
    const std::uint64_t* next_hash = hashes_b().data();
    each_b([&](const K& key, B& b) {
      const std::uint64_t hash = *next_hash++;
      if ((bits_[(hash & mask) / 64] >> hash % 64 & 1) != 0) chain_.push_back({&key, &b, hash, 0});
    });
    if (!chain_.empty()) meet(each_a, all_of_a, function);
  }

 private:
  static constexpr std::size_t kFewPairs = 64;
  static constexpr std::size_t kBits = 16;

  /// All of a, whose hashes are there, with what is left of b, chained by hash.
  template <class EachA, class Function>
  void meet(EachA&& each_a, std::span<const std::uint64_t> hashes_a, Function&& function) {
    const std::size_t mask = std::bit_ceil(2 * chain_.size()) - 1;
    heads_.assign(mask + 1, 0);
    for (std::size_t i = 0; i < chain_.size(); ++i) {
      chain_[i].next = std::exchange(heads_[chain_[i].hash & mask], static_cast<std::uint32_t>(i + 1));
    }
    const std::uint64_t* next_hash = hashes_a.data();
    each_a([&](const K& key, A& a) {
      const std::uint64_t hash = *next_hash++;
      for (std::uint32_t at = heads_[hash & mask]; at != 0; at = chain_[at - 1].next) {
        const Linked& linked = chain_[at - 1];
        if (linked.hash == hash && row_traits<K>::equal(*linked.key, key)) function(a, *linked.item);
      }
    });
  }

  struct Linked {
    const K* key;
    B* item;
    std::uint64_t hash;
    std::uint32_t next;
  };
  std::vector<std::uint64_t> bits_;
  AppendVector<Linked> chain_;
  std::vector<std::uint32_t> heads_;
};

}  // namespace lockstep
