#include "tests/property/twins.hpp"

#include <limits>

#include "tests/property/functions.hpp"
#include "tests/property/plain_aggregates.hpp"

namespace lockstep::property {

Rec canonical(Rec row) {
  if (row.x == 0) row.x = 0;
  if (row.x != row.x) row.x = std::numeric_limits<double>::quiet_NaN();
  return row;
}

void add(Facts& facts, std::int64_t key, const Rec& row, Int128 weight) {
  const auto at = facts.try_emplace({key, canonical(row)}, 0).first;
  at->second += weight;
  if (at->second == 0) facts.erase(at);
}

Facts sum_of(const Facts& a, const Facts& b, int sign) {
  Facts out = a;
  for (const auto& [fact, weight] : b) add(out, fact.key, fact.row, sign * weight);
  return out;
}

namespace {

std::int64_t number(std::int64_t value) { return value; }
Rec number_row(std::int64_t value) { return {{}, value, {}, 0}; }

Facts each(const Facts& in, auto&& emit_all) {
  Facts out;
  for (const auto& [fact, weight] : in) {
    const Int128 w = weight;
    emit_all(fact, [&](std::int64_t key, const Rec& row) { add(out, key, row, w); });
  }
  return out;
}

Facts distinct_of(const Facts& in) {
  Facts out;
  for (const auto& [fact, weight] : in) {
    if (weight > 0) add(out, fact.key, fact.row, 1);
  }
  return out;
}

/// All pairs with equal keys, whatever a key is.
Facts pairs(const Facts& a, const Facts& b, auto&& key_a, auto&& key_b, auto&& emit) {
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

/// The rows by group, of groups whose weights do not sum to 0, each made a row of the result.
Facts groups(const Facts& in, auto&& key_of, auto&& result) {
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

std::int64_t own_key(const Fact& fact) { return fact.row.k.id; }
std::int64_t outer_key(const Fact& fact) { return fact.key; }

auto number_of(auto&& aggregate) {
  return [aggregate](std::int64_t key, const plain::Rows& rows) { return Out{key, number_row(aggregate(rows))}; };
}
auto row_of(auto&& aggregates) {
  return [aggregates](std::int64_t key, const plain::Rows& rows) { return Out{0, aggregates(key, rows)}; };
}

}  // namespace

Facts through(const OpSpec& op, const Facts& a, const Facts& b, const Facts& a_before) {
  using namespace plain;
  const int c = op.choice;
  switch (op.kind) {
    case Kind::filter:
      return each(a, [&](const Fact& f, auto emit) {
        if (Keep{c}(f.row)) emit(0, f.row);
      });
    case Kind::map: return each(a, [&](const Fact& f, auto emit) { emit(0, Change{c}(f.row)); });
    case Kind::flat_map_vector:
      return each(a, [&](const Fact& f, auto emit) {
        for (const Rec& row : Split{c}(f.row)) emit(0, row);
      });
    case Kind::flat_map_array:
      return each(a, [&](const Fact& f, auto emit) {
        for (const Rec& row : SplitInTwo{c}(f.row)) emit(0, row);
      });
    case Kind::flat_map_optional:
      return each(a, [&](const Fact& f, auto emit) {
        if (const auto row = SplitMaybe{c}(f.row)) emit(0, *row);
      });
    case Kind::negate:
    case Kind::negate_keyed:
    case Kind::negate_numbers: return sum_of({}, a, -1);
    case Kind::distinct:
    case Kind::distinct_keyed:
    case Kind::distinct_numbers: return distinct_of(a);
    case Kind::gather:
    case Kind::inspect: return a;
    case Kind::delay: return a_before;
    case Kind::fused_chain:
      return sum_of({},
                    each(a,
                         [&](const Fact& f, auto emit) {
                           if (!Keep{c}(f.row)) return;
                           for (const Rec& row : Split{c}(canonical(Change{c}(f.row)))) emit(0, row);
                         }),
                    -1);
    case Kind::shared_chain: {
      const Facts chain = each(a, [&](const Fact& f, auto emit) {
        if (Keep{c}(f.row)) emit(0, Change{c + 1}(f.row));
      });
      return sum_of(distinct_of(chain), chain, 1);
    }
    case Kind::plus:
    case Kind::plus_keyed:
    case Kind::plus_numbers: return sum_of(a, b, 1);
    case Kind::minus:
    case Kind::minus_keyed:
    case Kind::minus_numbers: return sum_of(a, b, -1);
    case Kind::fused_plus_distinct:
      return distinct_of(sum_of(each(a,
                                     [&](const Fact& f, auto emit) {
                                       if (Keep{c}(f.row)) emit(0, f.row);
                                     }),
                                each(b, [&](const Fact& f, auto emit) { emit(0, Change{c}(f.row)); }), 1));
    case Kind::join_on_optional: {
      const auto key = [](const Fact& f) { return f.row.o; };
      return pairs(a, b, key, key, [&](const Fact& x, const Fact& y) {
        return Out{0, MeetWithKey{c}(x.row.o, x.row, y.row)};
      });
    }
    case Kind::fused_join: {
      const Facts kept = each(a, [&](const Fact& f, auto emit) {
        if (Keep{c}(f.row)) emit(0, f.row);
      });
      return pairs(kept, b, own_key, own_key, [&](const Fact& x, const Fact& y) {
        return Out{0, MeetWithKey{c}(x.row.k, x.row, y.row)};
      });
    }
    case Kind::join_fields:
      return pairs(a, b, own_key, own_key, [&](const Fact& x, const Fact& y) {
        return Out{0, MeetWithKey{c}(x.row.k, x.row.v, y.row.v)};
      });
    case Kind::group_count: return groups(a, own_key, number_of(count));
    case Kind::group_min: return groups(a, own_key, number_of([](const Rows& r) { return *least(r, v); }));
    case Kind::fused_group: {
      const Facts split = each(a, [&](const Fact& f, auto emit) {
        if (!Keep{c}(f.row)) return;
        for (const Rec& row : SplitInTwo{c}(f.row)) emit(0, row);
      });
      return groups(
          split, [&](const Fact& f) { return OtherKey{c}(f.row).id; },
          number_of([](const Rows& r) { return *sum(r, v); }));
    }
    case Kind::group_sums:
      return groups(a, own_key, row_of([](std::int64_t key, const Rows& r) {
                      return Rec{{key}, *sum(r, v), sum(r, o), *average(r, x)};
                    }));
    case Kind::group_mixed:
      return groups(a, own_key, row_of([](std::int64_t key, const Rows& r) {
                      return Rec{{key}, count(r), least(r, o), *sum(r, x)};
                    }));
    case Kind::group_maxima:
      return groups(
          a, [&](const Fact& f) { return OtherKey{c}(f.row).id; }, row_of([](std::int64_t key, const Rows& r) {
            return Rec{{key}, *most(r, v), most(r, o), *most(r, x)};
          }));
    case Kind::group_averages:
      return groups(a, own_key, row_of([](std::int64_t key, const Rows& r) {
                      return Rec{{key}, count(r), sum(r, o), average(r, o).value_or(-0.75)};
                    }));
    case Kind::group_shared:
      return groups(a, own_key, row_of([](std::int64_t key, const Rows& r) {
                      return Rec{{key}, *least(r, v), *most(r, v), *sum(r, x)};
                    }));
    case Kind::aggregate_sums:
      return groups(
          a, [](const Fact&) { return 0; }, row_of([](std::int64_t, const Rows& r) {
            return Rec{{count(r)}, *sum(r, v), sum(r, o), *average(r, v)};
          }));
    case Kind::aggregate_extremes:
      return groups(
          a, [](const Fact&) { return 0; }, row_of([](std::int64_t, const Rows& r) {
            return Rec{{count(r)}, *least(r, v), most(r, o), *least(r, x)};
          }));
    case Kind::index_by_member: return each(a, [&](const Fact& f, auto emit) { emit(f.row.k.id, f.row); });
    case Kind::index_by_function: return each(a, [&](const Fact& f, auto emit) { emit(OtherKey{c}(f.row).id, f.row); });
    case Kind::fused_index:
      return each(a, [&](const Fact& f, auto emit) {
        if (Keep{c}(f.row)) emit(OtherKey{c}(canonical(Change{c}(f.row))).id, Change{c}(f.row));
      });
    case Kind::filter_keyed:
      return each(a, [&](const Fact& f, auto emit) {
        if (Keep{c}(Key{f.key}, f.row)) emit(f.key, f.row);
      });
    case Kind::map_keyed: return each(a, [&](const Fact& f, auto emit) { emit(0, Change{c}(Key{f.key}, f.row)); });
    case Kind::join_values:
      return pairs(a, b, outer_key, outer_key, [&](const Fact& x, const Fact& y) {
        return Out{x.key, Meet{c}(x.row, y.row)};
      });
    case Kind::join_rows:
    case Kind::fused_join_keyed:
      return pairs(a, b, outer_key, outer_key, [&](const Fact& x, const Fact& y) {
        return Out{0, MeetWithKey{c}(Key{x.key}, x.row, y.row)};
      });
    case Kind::self_join:
      return pairs(a, a, outer_key, outer_key, [&](const Fact& x, const Fact& y) {
        return Out{0, MeetWithKey{c}(Key{x.key}, x.row, y.row)};
      });
    case Kind::join_numbers_to_rows:
      return pairs(a, b, outer_key, outer_key, [&](const Fact& x, const Fact& y) {
        return Out{x.key, Meet{c}(x.row, number(y.row.v))};
      });
    case Kind::group_keyed_sum: return groups(a, outer_key, number_of([](const Rows& r) { return *sum(r, v); }));
    case Kind::group_keyed_extremes:
      return groups(a, outer_key, row_of([](std::int64_t key, const Rows& r) {
                      return Rec{{key}, *most(r, v), least(r, o), *most(r, x)};
                    }));
    case Kind::index_numbers: return each(a, [&](const Fact& f, auto emit) { emit(f.row.k.id, number_row(f.row.v)); });
    case Kind::filter_numbers:
      return each(a, [&](const Fact& f, auto emit) {
        if (Keep{c}(Key{f.key}, f.row.v)) emit(f.key, f.row);
      });
    case Kind::map_numbers: return each(a, [&](const Fact& f, auto emit) { emit(0, Change{c}(Key{f.key}, f.row.v)); });
    case Kind::join_numbers:
      return pairs(a, b, outer_key, outer_key, [&](const Fact& x, const Fact& y) {
        return Out{x.key, number_row(Meet{c}(x.row.v, y.row.v))};
      });
    case Kind::join_numbers_with_key:
      return pairs(a, b, outer_key, outer_key, [&](const Fact& x, const Fact& y) {
        return Out{0, MeetWithKey{c}(Key{x.key}, x.row.v, y.row.v)};
      });
    case Kind::group_numbers_max: return groups(a, outer_key, number_of([](const Rows& r) { return *most(r, v); }));
    case Kind::aggregate_numbers:
      return groups(
          a, [](const Fact&) { return 0; }, row_of([](std::int64_t, const Rows& r) {
            return Rec{{count(r)}, *sum(r, v), *most(r, v), *average(r, v)};
          }));
    case Kind::input:
    case Kind::append_only_input:
    case Kind::table:
    case Kind::count: break;
  }
  return {};
}

}  // namespace lockstep::property
