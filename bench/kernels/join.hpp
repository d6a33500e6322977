#pragma once

#include <cstdlib>
#include <cstring>
#include <utility>

#include "bench/kernels/ahead.hpp"
#include "bench/kernels/consolidate.hpp"
#include "bench/kernels/open_table.hpp"
#include "bench/kernels/rows.hpp"
#include "bench/rows.hpp"

namespace lockstep::bench {

/// The rows of one key on one side: three lie in the entry, which is a cache line; more lie apart.
struct alignas(64) JoinEntry {
  struct Item {
    std::int64_t value;
    Weight weight;
  };
  static constexpr std::uint32_t kInline = 3;

  std::uint64_t key = 0;
  std::uint32_t size = 0;
  std::uint16_t mark = 0;
  std::uint16_t room = kInline;
  union {
    Item inside[kInline];
    Item* apart;
  };

  JoinEntry() : inside{} {}
  JoinEntry(const JoinEntry&) = delete;
  JoinEntry& operator=(const JoinEntry&) = delete;
  ~JoinEntry() {
    if (room > kInline) std::free(apart);
  }

  Item* items() { return room > kInline ? apart : inside; }

  void add(std::int64_t value, Weight weight) {
    Item* const item = items();
    for (std::uint32_t i = 0; i < size; ++i) {
      if (item[i].value != value) continue;
      if ((item[i].weight += weight) == 0) item[i] = item[--size];
      return;
    }
    if (size == room) grow();
    items()[size++] = {value, weight};
  }

 private:
  void grow() {
    const auto larger = static_cast<std::uint16_t>(2 * room);
    auto* const items_now = static_cast<Item*>(std::malloc(larger * sizeof(Item)));
    std::memcpy(items_now, items(), size * sizeof(Item));
    if (room > kInline) std::free(apart);
    apart = items_now;
    room = larger;
  }
};

enum class MergeBy { row_hash, key_hash };

/// Equi-join, a table for each side: Δa meets b before the step, Δb meets a after it. Results that come out equal are
/// merged by the hash of the result row, or by the key's, which is there already.
template <MergeBy kBy>
class JoinKernel {
 public:
  explicit JoinKernel(std::size_t keys) : left_(keys), right_(keys) {}

  void run(std::span<const Weighted<Item>> left, std::span<const Weighted<Item>> right, Rows<JoinedRow>& out) {
    out.begin(4 * (left.size() + right.size()));
    terms_.clear();
    meet(left, left_, right_, [](std::int64_t mine, std::int64_t other) { return joined(mine, other); });
    meet(right, right_, left_, [](std::int64_t mine, std::int64_t other) { return joined(other, mine); });
    out.begin(terms_.size());
    merge_.begin(terms_.size() + 1);
    for (const Term& term : terms_) {
      const std::uint64_t hash = kBy == MergeBy::key_hash ? term.hash : row_traits<JoinedRow>::hash(term.row);
      merge_.add(term.row, hash, term.weight, out);
    }
    merge_.finish(out);
  }

 private:
  struct Term {
    JoinedRow row;
    Weight weight;
    std::uint64_t hash;
  };

  template <class Function>
  void meet(std::span<const Weighted<Item>> delta, OpenTable<JoinEntry>& mine, OpenTable<JoinEntry>& others,
            Function&& function) {
    for_each_ahead<Ahead::prefetch>(
        delta, [](const Item& row) { return row_traits<std::uint64_t>::hash(row.key); },
        [&](std::uint64_t hash) __attribute__((always_inline)) {
          mine.prefetch(hash);
          others.prefetch(hash);
        },
        [&](const Item& row, std::uint64_t hash, Weight weight) {
          JoinEntry& entry = mine.at(row.key, hash);
          entry.key = row.key;
          entry.mark = 1;
          entry.add(row.value, weight);
          JoinEntry& other = others.at(row.key, hash);
          const JoinEntry::Item* const items = other.items();
          for (std::uint32_t i = 0; i < other.size; ++i) {
            terms_.push_back({{row.key, function(row.value, items[i].value)}, weight * items[i].weight, hash});
          }
        });
  }

  OpenTable<JoinEntry> left_;
  OpenTable<JoinEntry> right_;
  std::vector<Term> terms_;
  Merge<JoinedRow> merge_;
};

}  // namespace lockstep::bench
