#include "tests/property/build.hpp"

#include <fmt/format.h>

namespace lockstep::property {

namespace {

AnyStream build_input(const OpSpec& op, const std::string& name, Built& built) {
  if (op.kind == Kind::table) {
    const auto table = built.flow.table<Rec>(name, &Rec::k);
    built.inputs.emplace(op.id, table);
    return KeyedRows(table);
  }
  const auto input = built.flow.input<Rec>(name, {.append_only = op.kind == Kind::append_only_input});
  built.inputs.emplace(op.id, input);
  return RowStream(input);
}

AnyStream build_inspect(const OpSpec& op, const std::string& name, const RowStream& in, Built& built) {
  const auto seen = std::make_shared<Seen>();
  built.inspected.emplace(op.id, seen);
  const auto see = [seen](const Rec& row, Weight weight) {
    const std::lock_guard lock(seen->mutex);
    seen->rows.push_back({row, weight});
  };
  return in | inspect(see).named(name);
}

AnyStream build_operator(const OpSpec& op, const std::string& name, const AnyStream& a, const AnyStream& b,
                         Built& built) {
  switch (op.kind) {
    case Kind::inspect: return build_inspect(op, name, std::get<RowStream>(a), built);
    case Kind::join_on_optional:
    case Kind::fused_join:
    case Kind::join_fields:
    case Kind::join_values:
    case Kind::join_rows:
    case Kind::self_join:
    case Kind::fused_join_keyed:
    case Kind::join_numbers_to_rows:
    case Kind::join_numbers:
    case Kind::join_numbers_with_key: return build_join(op, name, a, b);
    case Kind::left_join_on_optional:
    case Kind::left_join_rows:
    case Kind::left_join_matching:
    case Kind::full_join_rows:
    case Kind::full_join_matching:
    case Kind::right_join_numbers:
    case Kind::full_join_numbers: return build_outer_join(op, name, a, b);
    case Kind::semi_join_rows:
    case Kind::anti_join_rows:
    case Kind::anti_join_itself:
    case Kind::semi_join_numbers:
    case Kind::anti_join_matching: return build_semi_join(op, name, a, b);
    case Kind::set_rows:
    case Kind::set_keyed: return build_set(op, name, a, b);
    case Kind::group_count:
    case Kind::group_min:
    case Kind::fused_group:
    case Kind::group_sums:
    case Kind::group_mixed:
    case Kind::group_maxima:
    case Kind::group_averages:
    case Kind::group_distinct:
    case Kind::group_arg_min:
    case Kind::group_shared: return build_group(op, name, std::get<RowStream>(a));
    case Kind::aggregate_sums:
    case Kind::aggregate_extremes:
    case Kind::group_keyed_sum:
    case Kind::group_keyed_extremes:
    case Kind::group_keyed_arg_max:
    case Kind::group_numbers_max:
    case Kind::aggregate_numbers: return build_aggregate(op, name, a);
    default: return build_stateless(op, name, a, b);
  }
}

}  // namespace

Built build(const std::vector<OpSpec>& flow) {
  Built built;
  std::map<int, AnyStream> streams;
  for (const OpSpec& op : flow) {
    const std::string name = fmt::format("op{}", op.id);
    const AnyStream stream = is_input(op.kind)
                                 ? build_input(op, name, built)
                                 : build_operator(op, name, streams.at(op.in.front()), streams.at(op.in.back()), built);
    streams.emplace(op.id, stream);
    if (op.shown == Shown::no) continue;
    std::visit(
        [&](const auto& shown) {
          built.outputs.emplace(op.id, op.shown == Shown::delta
                                           ? AnyOutput(shown | output("output of " + name))
                                           : AnyOutput(shown | output("output of " + name, accumulated)));
        },
        stream);
  }
  return built;
}

}  // namespace lockstep::property
