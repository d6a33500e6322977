#include "tests/property/plain_aggregates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "tests/exact_rounding.hpp"

namespace lockstep::property::plain {

namespace {

constexpr std::int64_t kExact = std::int64_t{1} << 53;  // integers up to here are doubles

bool small(Int128 value) { return value < kExact && value > -kExact; }

template <class Field>
Int128 weight_of(const Rows& rows, Field field) {
  Int128 weight = 0;
  for (const auto& [row, w] : rows) weight += field(row) ? w : 0;
  return weight;
}

Int128 wide_sum(const Rows& rows, IntegerField field) {
  Int128 sum = 0;
  for (const auto& [row, weight] : rows) sum += weight * field(row).value_or(0);
  return sum;
}

/// One division of doubles rounds once, if both are exact; otherwise rational arithmetic.
double quotient(Int128 sum, std::int64_t divisor) {
  if (small(sum) && small(divisor))
    return static_cast<double>(static_cast<std::int64_t>(sum)) / static_cast<double>(divisor) + 0.0;
  std::vector<std::pair<double, std::int64_t>> items;
  double scale = 1;
  for (Int128 left = sum; left != 0; left /= std::int64_t{1} << 32, scale *= 4294967296.0) {
    items.emplace_back(scale, static_cast<std::int64_t>(left % (std::int64_t{1} << 32)));
  }
  return tests::exactly_rounded(items, divisor);
}

/// The sum of weight times value over the divisor: infinities and NaN by how often they are there.
double exact(const Rows& rows, RealField field, std::int64_t divisor) {
  Int128 nan = 0;
  Int128 up = 0;
  Int128 down = 0;
  std::vector<std::pair<double, std::int64_t>> items;
  constexpr double kScale = 1 << 20;
  Int128 scaled = 0;
  bool exactly_scaled = true;
  for (const auto& [row, weight] : rows) {
    const double value = field(row).value_or(0);
    if (std::isnan(value)) {
      nan += weight;
    } else if (std::isinf(value)) {
      (value > 0 ? up : down) += weight;
    } else {
      items.emplace_back(value, static_cast<std::int64_t>(weight));
      exactly_scaled = exactly_scaled && std::abs(value) < kScale && value * kScale == std::trunc(value * kScale);
      if (exactly_scaled) scaled += weight * static_cast<std::int64_t>(value * kScale);
    }
  }
  const bool rises = up > 0 || down < 0;
  const bool falls = up < 0 || down > 0;
  if (nan != 0 || (rises && falls)) return std::numeric_limits<double>::quiet_NaN();
  if (rises || falls) return rises == (divisor > 0) ? HUGE_VAL : -HUGE_VAL;
  if (exactly_scaled && small(scaled) && small(divisor)) return quotient(scaled, divisor) / kScale;
  return tests::exactly_rounded(items, divisor);
}

bool before(std::int64_t a, std::int64_t b) { return a < b; }
/// By value, NaN last.
bool before(double a, double b) { return std::isnan(a) ? false : std::isnan(b) || a < b; }
/// In the order of all fields: an empty optional comes first.
bool before(const Rec& a, const Rec& b) {
  if (a.k.id != b.k.id) return a.k.id < b.k.id;
  if (a.v != b.v) return a.v < b.v;
  if (a.o != b.o) return !a.o || (b.o && *a.o < *b.o);
  if (before(a.x, b.x) || before(b.x, a.x)) return before(a.x, b.x);
  return a.s < b.s;
}

template <class Field>
auto extreme(const Rows& rows, Field field, bool most) {
  decltype(field(Rec{})) best;
  for (const auto& [row, weight] : rows) {
    const auto value = field(row);
    if (value && (!best || (most ? before(*best, *value) : before(*value, *best)))) best = value;
  }
  return best;
}

}  // namespace

Int128 total(const Rows& rows) {
  Int128 total = 0;
  for (const auto& item : rows) total += item.second;
  return total;
}

std::int64_t count(const Rows& rows) { return static_cast<std::int64_t>(total(rows)); }

std::optional<std::int64_t> sum(const Rows& rows, IntegerField field) {
  if (weight_of(rows, field) == 0) return std::nullopt;
  const Int128 sum = wide_sum(rows, field);
  // One that is out of range is shown as such, and ends the history (see expect).
  return fits_weight(sum) ? static_cast<std::int64_t>(sum) : std::numeric_limits<std::int64_t>::max();
}
std::optional<double> sum(const Rows& rows, RealField field) {
  if (weight_of(rows, field) == 0) return std::nullopt;
  return exact(rows, field, 1);
}
std::optional<double> average(const Rows& rows, IntegerField field) {
  const Int128 weight = weight_of(rows, field);
  if (weight == 0) return std::nullopt;
  return quotient(wide_sum(rows, field), static_cast<std::int64_t>(weight));
}
std::optional<double> average(const Rows& rows, RealField field) {
  const Int128 weight = weight_of(rows, field);
  if (weight == 0) return std::nullopt;
  return exact(rows, field, static_cast<std::int64_t>(weight));
}
std::optional<std::int64_t> least(const Rows& rows, IntegerField field) { return extreme(rows, field, false); }
std::optional<std::int64_t> most(const Rows& rows, IntegerField field) { return extreme(rows, field, true); }
std::optional<double> least(const Rows& rows, RealField field) { return extreme(rows, field, false); }
std::optional<double> most(const Rows& rows, RealField field) { return extreme(rows, field, true); }

std::int64_t distinct(const Rows& rows, std::string (*field)(const Rec&)) {
  std::map<std::string, Int128> weights;
  for (const auto& [row, weight] : rows) weights[field(row)] += weight;
  return std::count_if(weights.begin(), weights.end(),
                       [](const auto& item) { return !item.first.empty() && item.second > 0; });
}

Rec first_by_x(const Rows& rows) {
  const Rec* best = &rows.front().first;
  for (const auto& [row, weight] : rows) {
    if (before(row.x, best->x) || (!before(best->x, row.x) && before(row, *best))) best = &row;
  }
  return *best;
}
std::optional<Rec> last_by_o(const Rows& rows) {
  const Rec* best = nullptr;
  for (const auto& [row, weight] : rows) {
    if (!row.o) continue;
    if (best == nullptr || *row.o > *best->o || (*row.o == *best->o && before(*best, row))) best = &row;
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

}  // namespace lockstep::property::plain
