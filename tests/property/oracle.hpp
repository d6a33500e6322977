#pragma once

#include <bit>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/property/case.hpp"

// The query from scratch: what every stream of a case holds after each step, by code that has nothing in common with
// the engine's operators, order, equality or hash. Slow and plain.

namespace lockstep::property {

/// A row of any shape. Rows by key have a key; numbers by key a key and `row.v`.
struct Fact {
  std::int64_t key = 0;
  Rec row;
};

struct FactLess {
  static auto fields(const Fact& fact) {
    return std::make_tuple(fact.key, fact.row.k.id, fact.row.v, fact.row.o.has_value(), fact.row.o.value_or(0),
                           std::bit_cast<std::uint64_t>(fact.row.x), std::string_view(fact.row.s));
  }
  bool operator()(const Fact& a, const Fact& b) const { return fields(a) < fields(b); }
};

using Facts = std::map<Fact, Int128, FactLess>;

/// A rejected row: reason, session, position, the row as text, weight.
using Rejected = std::tuple<std::string, std::uint64_t, std::uint64_t, std::string, Weight>;

struct ExpectedStep {
  std::map<int, Facts> deltas;                   // by operator, of those that are shown
  std::map<int, Facts> contents;                 // of those that are accumulated
  std::map<int, std::vector<Rejected>> ledgers;  // by input, in order of rows
};

/// What every step must show. Stops short of steps in which weights, numbers or sizes grow out of hand; those are cut
/// off the history.
std::vector<ExpectedStep> expect(const std::vector<OpSpec>& flow, History& history);

std::string to_text(Shape shape, const Fact& fact);

}  // namespace lockstep::property
