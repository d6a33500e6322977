#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/property/rows.hpp"

// The aggregates of a group, each from its whole list of rows. Empty: no row of the group has the field, or the weights
// of those that have it sum to 0.

namespace lockstep::property::plain {

using Rows = std::vector<std::pair<Rec, Int128>>;

inline std::optional<std::int64_t> v(const Rec& row) { return row.v; }
inline std::optional<std::int64_t> o(const Rec& row) { return row.o; }
inline std::optional<double> x(const Rec& row) { return row.x; }

using IntegerField = std::optional<std::int64_t> (*)(const Rec&);
using RealField = std::optional<double> (*)(const Rec&);

Int128 total(const Rows& rows);
std::int64_t count(const Rows& rows);
std::optional<std::int64_t> sum(const Rows& rows, IntegerField field);
std::optional<double> sum(const Rows& rows, RealField field);
std::optional<double> average(const Rows& rows, IntegerField field);
std::optional<double> average(const Rows& rows, RealField field);
std::optional<std::int64_t> least(const Rows& rows, IntegerField field);
std::optional<std::int64_t> most(const Rows& rows, IntegerField field);
std::optional<double> least(const Rows& rows, RealField field);
std::optional<double> most(const Rows& rows, RealField field);
/// How many values have rows whose weights sum to more than 0.
std::int64_t distinct(const Rows& rows, std::string (*field)(const Rec&));
/// The row in the order of the field, then of all fields.
Rec first_by_x(const Rows& rows);
std::optional<Rec> last_by_o(const Rows& rows);

}  // namespace lockstep::property::plain
