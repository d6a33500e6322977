#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "tests/property/rows.hpp"

// What a user would write: the functions that the random dataflows apply. Part of the query, so the engine and the
// oracle run the same ones.

namespace lockstep::property {

/// A predicate.
struct Keep {
  int choice = 0;
  bool operator()(const Rec& row) const {
    switch (choice % 6) {
      case 0: return row.v % 3 != 0;
      case 1: return row.k.id % 2 == 0;
      case 2: return row.o.has_value();
      case 3: return !(row.x < 0);
      case 4: return row.v > 0;
      default: return true;
    }
  }
  bool operator()(const Key& key, std::int64_t value) const { return (key.id + value + choice) % 3 != 0; }
  bool operator()(const Key& key, const Rec& row) const { return (key.id + row.v + choice) % 3 != 0; }
};

/// A row for a row.
struct Change {
  int choice = 0;
  Rec operator()(Rec row) const {
    switch (choice % 8) {
      case 0: row.k.id /= 2; break;
      case 1: row.v %= 4; break;
      case 2: row.o = row.v % 2 == 0 ? std::optional(row.v) : std::nullopt; break;
      case 3: row.x = -row.x; break;
      case 4: row.x *= 1e10; break;
      case 5:
        row.v = row.k.id;
        row.k.id = row.o.value_or(1) % 8;
        break;
      case 6: row.x = row.v % 3 == 0 ? std::numeric_limits<double>::quiet_NaN() : 0; break;
      default: row = {row.k, row.v % 2, {}, 0}; break;
    }
    return row;
  }
  Rec operator()(const Key& key, const Rec& row) const {
    return Change{choice}({{row.k.id + key.id}, row.v, row.o, row.x, row.s});
  }
  Rec operator()(const Key& key, std::int64_t value) const {
    return choice % 2 == 0 ? Rec{key, value, {}, 0} : Rec{{value % 5}, key.id, value, static_cast<double>(value) / 4};
  }
};

/// A number for a number, the same for several.
struct Revalue {
  int choice = 0;
  std::int64_t operator()(std::int64_t value) const { return choice % 2 == 0 ? value / 2 : value % 3; }
};

/// Some rows for a row.
struct Split {
  int choice = 0;
  std::vector<Rec> operator()(const Rec& row) const {
    std::vector<Rec> rows;
    const std::int64_t copies = std::abs(row.v + choice) % 4;
    for (std::int64_t i = 0; i < copies; ++i)
      rows.push_back({{row.k.id + i % 2}, row.v / (1 + choice % 3), row.o, row.x, row.s});
    return rows;
  }
};
struct SplitInTwo {
  int choice = 0;
  std::array<Rec, 2> operator()(const Rec& row) const {
    return {row, choice % 2 == 0 ? row : Rec{row.k, row.v + 1, std::nullopt, -row.x, row.s + row.s}};
  }
};
struct SplitMaybe {
  int choice = 0;
  std::optional<Rec> operator()(const Rec& row) const {
    if (!Keep{choice}(row)) return std::nullopt;
    return Rec{row.k, row.v, row.o, -1};
  }
};

struct OtherKey {
  int choice = 0;
  Key operator()(const Rec& row) const {
    switch (choice % 3) {
      case 0: return {row.v % 3};
      case 1: return {row.o.value_or(-1)};
      default: return {(row.k.id + row.v) % 5};
    }
  }
  Key operator()(const Key& key, const Rec& row) const { return {(key.id + row.v) % 4}; }
};

/// Of two joined values.
struct Meet {
  int choice = 0;
  Rec operator()(const Rec& a, const Rec& b) const {
    return {{b.k.id}, choice % 2 == 0 ? a.v + b.v : a.v - b.v, a.o ? a.o : b.o, choice % 3 == 0 ? a.x + b.x : a.x, b.s};
  }
  Rec operator()(const Rec& a, std::int64_t b) const { return {a.k, a.v, b, a.x, a.s}; }
  std::int64_t operator()(std::int64_t a, std::int64_t b) const { return choice % 2 == 0 ? a - b : (a + b) % 3; }
};
struct MeetWithKey {
  int choice = 0;
  Rec operator()(const Key& key, const Rec& a, const Rec& b) const {
    return {key, choice % 2 == 0 ? a.v : a.v + 2 * b.v, b.o, choice % 3 == 0 ? 0 : b.x, a.s};
  }
  Rec operator()(const Key& key, std::int64_t a, std::int64_t b) const { return {key, a, b, 0}; }
  Rec operator()(const std::optional<std::int64_t>& key, const Rec& a, const Rec& b) const {
    return {a.k, b.v, key, a.x};
  }
};

/// Of two joined values, one of which may be missing.
struct MeetMaybe {
  int choice = 0;
  Rec operator()(const Rec& a, const std::optional<Rec>& b) const {
    return b ? Meet{choice}(a, *b) : Rec{a.k, a.v, std::nullopt, -7, a.s};
  }
  std::int64_t operator()(const std::optional<std::int64_t>& a, const std::optional<std::int64_t>& b) const {
    return a && b ? Meet{choice}(*a, *b) : a.value_or(100) - 3 * b.value_or(200);
  }
};
struct MeetMaybeWithKey {
  int choice = 0;
  Rec operator()(const Key& key, const std::optional<Rec>& a, const std::optional<Rec>& b) const {
    if (a && b) return MeetWithKey{choice}(key, *a, *b);
    return a ? Rec{key, a->v, 50, 1, a->s} : Rec{key, b->v, 60, b->x, b->s};
  }
  Rec operator()(const Key& key, const std::optional<Rec>& a, const std::optional<std::int64_t>& b) const {
    return {key, a ? a->v : -50, b, a ? a->x : 0.5};
  }
  Rec operator()(const Key& key, const std::optional<std::int64_t>& a, std::int64_t b) const { return {key, b, a, 0}; }
  Rec operator()(const std::optional<std::int64_t>& key, const Rec& a, const std::optional<Rec>& b) const {
    return {a.k, b ? b->v : 70, key, b ? a.x : 2};
  }
};

/// Whether two rows of a key match.
struct FieldsMatch {
  int choice = 0;
  bool operator()(const Rec& a, const Rec& b) const { return (a.v + b.v + choice) % 2 == 0; }
  bool operator()(const Key& key, const Rec& a, std::int64_t b) const { return a.v < b + key.id; }
  bool operator()(std::int64_t a, std::int64_t b) const { return a < b + choice % 3; }
};

/// A plain row of what a group, or the whole stream, has.
struct GroupRow {
  Rec operator()(const Key& key, const auto& group) const {
    return std::apply([&](const auto&... field) { return Rec{key, field...}; }, group);
  }
};
struct TotalRow {
  Rec operator()(const auto& total) const {
    return std::apply([](std::int64_t count, const auto&... field) { return Rec{{count}, field...}; }, total);
  }
};

}  // namespace lockstep::property
