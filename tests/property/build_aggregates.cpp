#include <stdexcept>

#include "tests/property/build.hpp"
#include "tests/property/functions.hpp"

namespace lockstep::property {

AnyStream build_aggregate(const OpSpec& op, const std::string& name, const AnyStream& any) {
  const auto rows = [&any]() -> const RowStream& { return std::get<RowStream>(any); };
  const auto keyed = [&any]() -> const KeyedRows& { return std::get<KeyedRows>(any); };
  const auto numbers = [&any]() -> const Numbers& { return std::get<Numbers>(any); };
  switch (op.kind) {
    case Kind::aggregate_sums:
      return RowStream(rows() | aggregate(count(), sum(&Rec::v), sum(&Rec::o), avg(&Rec::v)).named(name) |
                       map(TotalRow{}));
    case Kind::aggregate_extremes:
      return RowStream(rows() | aggregate(count(), min(&Rec::v), max(&Rec::o), min(&Rec::x)).named(name) |
                       map(TotalRow{}));
    case Kind::group_keyed_sum: return keyed() | group_by(key, sum(&Rec::v)).named(name);
    case Kind::group_keyed_extremes:
      return RowStream(keyed() | group_by(key, max(&Rec::v), min(&Rec::o), max(&Rec::x)).named(name) | map(GroupRow{}));
    case Kind::group_keyed_arg_max:
      return RowStream(keyed() | group_by(key, count(), arg_max(&Rec::o), max(&Rec::o)).named(name) |
                       map([](const Key& key, const auto& group) {
                         const auto& [rows, row, most] = group;
                         return row ? Rec{row->k, rows, most, row->x, row->s} : Rec{key, rows, most, 0.25};
                       }));
    case Kind::group_numbers_max: return numbers() | group_by(key, max(value)).named(name);
    case Kind::aggregate_numbers:
      return RowStream(numbers() | aggregate(count(), sum(value), max(value), avg(value)).named(name) |
                       map(TotalRow{}));
    default: throw std::logic_error(name);
  }
}

}  // namespace lockstep::property
