#pragma once

#include "bench/kernels/join.hpp"

namespace lockstep::bench {

/// Left join and anti join: a's rows by key, and of b what is needed. Δb meets a before the step, Δa meets b after it;
/// where a key becomes matched or ceases to be, a's rows of that key lose or get their rows without a match. What comes
/// and goes again within a step is merged at the end, by the key's hash.
template <class Right>
class OuterJoinKernel {
 public:
  explicit OuterJoinKernel(std::size_t keys) : left_(keys), right_(keys) {}

  void run(std::span<const Weighted<Item>> left, std::span<const Weighted<Item>> right, Rows<JoinedRow>& out) {
    terms_.clear();
    for_each_of(right, [this](const Item& row, std::uint64_t hash, Weight weight) {
      JoinEntry& mine = left_.at(row.key, hash);
      Right& other = right_.at(row.key, hash);
      const bool was = other.total() > 0;
      other.key = row.key;
      other.mark = 1;
      other.add(row.value, weight);
      const bool is = other.total() > 0;
      const JoinEntry::Item* const items = mine.items();
      for (std::uint32_t i = 0; i < mine.size; ++i) {
        if (Right::kPairs) add(row.key, joined(items[i].value, row.value), items[i].weight * weight, hash);
        if (was != is) add(row.key, Right::alone(items[i].value), is ? -items[i].weight : items[i].weight, hash);
      }
    });
    for_each_of(left, [this](const Item& row, std::uint64_t hash, Weight weight) {
      JoinEntry& mine = left_.at(row.key, hash);
      mine.key = row.key;
      mine.mark = 1;
      mine.add(row.value, weight);
      Right& other = right_.at(row.key, hash);
      other.for_each([&](std::int64_t value, Weight other_weight) {
        add(row.key, joined(row.value, value), weight * other_weight, hash);
      });
      if (other.total() <= 0) add(row.key, Right::alone(row.value), weight, hash);
    });
    out.begin(terms_.size());
    merge_.begin(terms_.size() + 1);
    for (const Term& term : terms_) merge_.add(term.row, term.hash, term.weight, out);
    merge_.finish(out);
  }

 private:
  struct Term {
    JoinedRow row;
    Weight weight;
    std::uint64_t hash;
  };

  void add(std::uint64_t key, std::int64_t value, Weight weight, std::uint64_t hash) {
    terms_.push_back({{key, value}, weight, hash});
  }

  template <class Function>
  void for_each_of(std::span<const Weighted<Item>> delta, Function&& function) {
    for_each_ahead<Ahead::prefetch>(
        delta, [](const Item& row) { return row_traits<std::uint64_t>::hash(row.key); },
        [this](std::uint64_t hash) __attribute__((always_inline)) {
          left_.prefetch(hash);
          right_.prefetch(hash);
        },
        function);
  }

  OpenTable<JoinEntry> left_;
  OpenTable<Right> right_;
  std::vector<Term> terms_;
  Merge<JoinedRow> merge_;
};

/// A left join has to know b's rows.
struct RightRows : JoinEntry {
  static constexpr bool kPairs = true;
  static std::int64_t alone(std::int64_t value) { return joined(value, kMissing); }
  static constexpr std::int64_t kMissing = -1;

  Weight total() {
    Weight sum = 0;
    for (std::uint32_t i = 0; i < size; ++i) sum += items()[i].weight;
    return sum;
  }
  template <class Function>
  void for_each(Function&& function) {
    for (std::uint32_t i = 0; i < size; ++i) function(items()[i].value, items()[i].weight);
  }
};

/// An anti join only, how many there are of a key.
struct RightCount {
  static constexpr bool kPairs = false;
  static std::int64_t alone(std::int64_t value) { return value; }

  std::uint64_t key = 0;
  Weight weight = 0;
  std::uint64_t mark = 0;

  Weight total() const { return weight; }
  void add(std::int64_t, Weight change) { weight += change; }
  template <class Function>
  void for_each(Function&&) {}
};

}  // namespace lockstep::bench
