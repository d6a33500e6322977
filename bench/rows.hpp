#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <utility>

namespace lockstep::bench {

/// A row of a join's or a grouping's input.
struct Item {
  std::uint64_t key;
  std::int64_t value;
};
BOOST_DESCRIBE_STRUCT(Item, (), (key, value))

/// What the join of the benchmarks makes of two values.
inline std::int64_t joined(std::int64_t left, std::int64_t right) { return 3 * left - right; }

using JoinedRow = std::pair<std::uint64_t, std::int64_t>;

/// The chain of the benchmarks: a map to one of ten keys, and a filter that lets seven of eight pass.
inline Item bucketed(const Item& item) { return {item.key % 10, item.value * 3 + 1}; }
inline bool passes(const Item& item) { return (item.value & 7) != 0; }

struct Transfer {
  std::int64_t id, from_account, to_account, amount, ts;
};
BOOST_DESCRIBE_STRUCT(Transfer, (), (id, from_account, to_account, amount, ts))

/// (account, money).
using AccountRow = std::pair<std::int64_t, std::int64_t>;

}  // namespace lockstep::bench
