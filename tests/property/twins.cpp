#include "tests/property/twins.hpp"

#include <limits>

#include "tests/property/functions.hpp"
#include "tests/property/laws.hpp"

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
    case Kind::left_join_on_optional: {
      const auto key = [](const Fact& f) { return f.row.o; };
      const auto meet = [](const Fact& x, const Fact& y) { return x.row.o && x.row.o == y.row.o; };
      return outer(a, b, key, meet, true, false, [&](const Fact* x, const Fact* y) {
        return Out{0, MeetMaybeWithKey{c}(x->row.o, x->row, row_if(y))};
      });
    }
    case Kind::set_rows:
    case Kind::set_keyed: return set_of(c % 6, a, b);
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
    case Kind::group_distinct:
      return groups(a, own_key, row_of([](std::int64_t key, const Rows& r) {
                      const auto of_v = [](const Rec& row) { return std::to_string(row.v); };
                      const auto of_o = [](const Rec& row) { return row.o ? std::to_string(*row.o) : std::string(); };
                      const auto of_s = [](const Rec& row) { return "text " + row.s; };
                      return Rec{{key}, distinct(r, of_v), distinct(r, of_o), static_cast<double>(distinct(r, of_s))};
                    }));
    case Kind::group_arg_min:
      return groups(a, own_key, [](std::int64_t key, const Rows& r) { return Out{key, first_by_x(r)}; });
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
    case Kind::revalue_keyed:
      return each(a, [&](const Fact& f, auto emit) { emit(f.key, Change{c}(Key{f.key}, f.row)); });
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
    case Kind::left_join_rows:
      return outer(a, b, outer_key, always, true, false, [&](const Fact* x, const Fact* y) {
        return Out{x->key, MeetMaybe{c}(x->row, row_if(y))};
      });
    case Kind::left_join_matching: {
      const auto match = [&](const Fact& x, const Fact& y) { return FieldsMatch{c}(x.row, y.row); };
      return outer(a, b, outer_key, match, true, false, [&](const Fact* x, const Fact* y) {
        return Out{x->key, MeetMaybe{c}(x->row, row_if(y))};
      });
    }
    case Kind::full_join_rows:
      return outer(a, b, outer_key, always, true, true, [&](const Fact* x, const Fact* y) {
        return Out{0, MeetMaybeWithKey{c}(Key{x != nullptr ? x->key : y->key}, row_if(x), row_if(y))};
      });
    case Kind::full_join_matching: {
      const auto match = [&](const Fact& x, const Fact& y) { return FieldsMatch{c}(Key{x.key}, x.row, y.row.v); };
      return outer(a, b, outer_key, match, true, true, [&](const Fact* x, const Fact* y) {
        return Out{0, MeetMaybeWithKey{c}(Key{x != nullptr ? x->key : y->key}, row_if(x), number_if(y))};
      });
    }
    case Kind::right_join_numbers:
      return outer(a, b, outer_key, always, false, true, [&](const Fact* x, const Fact* y) {
        return Out{0, MeetMaybeWithKey{c}(Key{y->key}, number_if(x), number(y->row.v))};
      });
    case Kind::full_join_numbers:
      return outer(a, b, outer_key, always, true, true, [&](const Fact* x, const Fact* y) {
        return Out{x != nullptr ? x->key : y->key, number_row(MeetMaybe{c}(number_if(x), number_if(y)))};
      });
    case Kind::semi_join_rows:
    case Kind::semi_join_numbers: return semi(a, b, always, true);
    case Kind::anti_join_rows: return semi(a, b, always, false);
    case Kind::anti_join_itself:
      return semi(
          a, a, [&](const Fact& x, const Fact& y) { return FieldsMatch{c}(x.row, y.row); }, false);
    case Kind::anti_join_matching:
      return semi(
          a, b, [&](const Fact& x, const Fact& y) { return FieldsMatch{c}(x.row.v, y.row.v); }, false);
    case Kind::group_keyed_arg_max:
      return groups(a, outer_key, row_of([](std::int64_t key, const Rows& r) {
                      const auto row = last_by_o(r);
                      if (!row) return Rec{{key}, count(r), {}, 0.25};
                      return Rec{row->k, count(r), row->o, row->x, row->s};
                    }));
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
    case Kind::revalue_numbers:
      return each(a, [&](const Fact& f, auto emit) { emit(f.key, number_row(Revalue{c}(f.row.v))); });
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
