#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "tests/property/plain_aggregates.hpp"
#include "tests/property/twins.hpp"

// What the twins of operators are made of: laws over whole Z-sets, as they are written in a book.

namespace lockstep::property {

inline std::int64_t number(std::int64_t value) { return value; }
inline Rec number_row(std::int64_t value) { return {{}, value, {}, 0}; }

inline Facts each(const Facts& in, auto&& emit_all) {
  Facts out;
  for (const auto& [fact, weight] : in) {
    const Int128 w = weight;
    emit_all(fact, [&](std::int64_t key, const Rec& row) { add(out, key, row, w); });
  }
  return out;
}

inline Facts distinct_of(const Facts& in) {
  Facts out;
  for (const auto& [fact, weight] : in) {
    if (weight > 0) add(out, fact.key, fact.row, 1);
  }
  return out;
}

/// All pairs with equal keys, whatever a key is.
inline Facts pairs(const Facts& a, const Facts& b, auto&& key_a, auto&& key_b, auto&& emit) {
  std::map<decltype(key_b(Fact{})), std::vector<std::pair<Fact, Int128>>> right;
  for (const auto& [fact, weight] : b) right[key_b(fact)].emplace_back(fact, weight);
  Facts out;
  for (const auto& [fact, weight] : a) {
    const auto found = right.find(key_a(fact));
    if (found == right.end()) continue;
    for (const auto& [other, other_weight] : found->second) {
      const auto [key, row] = emit(fact, other);
      add(out, key, row, weight * other_weight);
    }
  }
  return out;
}

inline constexpr auto always = [](const Fact&, const Fact&) { return true; };

inline std::optional<Rec> row_if(const Fact* fact) { return fact != nullptr ? std::optional(fact->row) : std::nullopt; }
inline std::optional<std::int64_t> number_if(const Fact* fact) {
  return fact != nullptr ? std::optional(fact->row.v) : std::nullopt;
}

using Weighed = std::vector<std::pair<Fact, Int128>>;

/// The rows of each key.
inline auto by_key(const Facts& facts, auto&& key_of) {
  std::map<decltype(key_of(Fact{})), Weighed> rows;
  for (const auto& [fact, weight] : facts) rows[key_of(fact)].emplace_back(fact, weight);
  return rows;
}

/// What the rows of the other side that match weigh together.
inline Int128 matches_of(const Fact& fact, const Weighed& others, auto&& match) {
  Int128 sum = 0;
  for (const auto& [other, weight] : others) sum += match(fact, other) ? weight : 0;
  return sum;
}

/// Matching pairs, and what has no match, of the sides that are kept; emit(x, y) gets null for who is missing.
inline Facts outer(const Facts& a, const Facts& b, auto&& key_of, auto&& match, bool keep_a, bool keep_b, auto&& emit) {
  Facts out;
  const auto put = [&](const Fact* x, const Fact* y, Int128 weight) {
    const auto [key, row] = emit(x, y);
    add(out, key, row, weight);
  };
  auto left = by_key(a, key_of);
  auto right = by_key(b, key_of);
  for (const auto& [x, weight] : a) {
    const Weighed& others = right[key_of(x)];
    for (const auto& [y, other_weight] : others) {
      if (match(x, y)) put(&x, &y, weight * other_weight);
    }
    if (keep_a && matches_of(x, others, match) <= 0) put(&x, nullptr, weight);
  }
  const auto turned = [&](const Fact& y, const Fact& x) { return match(x, y); };
  for (const auto& [y, weight] : b) {
    if (keep_b && matches_of(y, left[key_of(y)], turned) <= 0) put(nullptr, &y, weight);
  }
  return out;
}

/// The rows of a that have a match, or those that have none.
inline Facts semi(const Facts& a, const Facts& b, auto&& match, bool matched) {
  Facts out;
  auto right = by_key(b, [](const Fact& fact) { return fact.key; });
  for (const auto& [x, weight] : a) {
    if ((matches_of(x, right[x.key], match) > 0) == matched) add(out, x.key, x.row, weight);
  }
  return out;
}

/// union, union all, intersect, intersect all, except, except all.
inline Facts set_of(int law, const Facts& a, const Facts& b) {
  Facts out;
  for (const auto& [fact, ignored] : sum_of(sum_of(distinct_of(a), distinct_of(b), 1), {}, 1)) {
    const auto in = [&, f = fact](const Facts& facts) {
      const auto found = facts.find(f);
      return found == facts.end() || found->second < 0 ? Int128{0} : found->second;
    };
    const Int128 x = in(a);
    const Int128 y = in(b);
    const Int128 weights[] = {1, x + y, x != 0 && y != 0, x < y ? x : y, y == 0 && x != 0, x > y ? x - y : 0};
    add(out, fact.key, fact.row, weights[law]);
  }
  return out;
}

/// The rows by group, of groups whose weights do not sum to 0, each made a row of the result.
inline Facts groups(const Facts& in, auto&& key_of, auto&& result) {
  std::map<std::int64_t, plain::Rows> rows;
  for (const auto& [fact, weight] : in) rows[key_of(fact)].emplace_back(fact.row, weight);
  Facts out;
  for (const auto& [key, group] : rows) {
    if (plain::total(group) == 0) continue;
    const auto [out_key, row] = result(key, group);
    add(out, out_key, row, 1);
  }
  return out;
}

using Out = std::pair<std::int64_t, Rec>;

inline std::int64_t own_key(const Fact& fact) { return fact.row.k.id; }
inline std::int64_t outer_key(const Fact& fact) { return fact.key; }

inline auto number_of(auto&& aggregate) {
  return [aggregate](std::int64_t key, const plain::Rows& rows) { return Out{key, number_row(aggregate(rows))}; };
}
inline auto row_of(auto&& aggregates) {
  return [aggregates](std::int64_t key, const plain::Rows& rows) { return Out{0, aggregates(key, rows)}; };
}

}  // namespace lockstep::property
