#include <stdexcept>

#include "tests/property/build.hpp"
#include "tests/property/functions.hpp"

namespace lockstep::property {

AnyStream build_group(const OpSpec& op, const std::string& name, const RowStream& a) {
  const int c = op.choice;
  switch (op.kind) {
    case Kind::group_count: return a | group_by(&Rec::k, count()).named(name);
    case Kind::group_min: return a | group_by(&Rec::k, min(&Rec::v)).named(name);
    case Kind::fused_group:
      return a | filter(Keep{c}) | flat_map(SplitInTwo{c}) | group_by(OtherKey{c}, sum(&Rec::v)).named(name);
    case Kind::group_sums:
      return RowStream(a | group_by(&Rec::k, sum(&Rec::v), sum(&Rec::o), avg(&Rec::x)).named(name) | map(GroupRow{}));
    case Kind::group_mixed:
      return RowStream(a | group_by(&Rec::k, count(), min(&Rec::o), sum(&Rec::x)).named(name) | map(GroupRow{}));
    case Kind::group_maxima:
      return RowStream(a | group_by(OtherKey{c}, max(&Rec::v), max(&Rec::o), max(&Rec::x)).named(name) |
                       map(GroupRow{}));
    case Kind::group_averages:
      return RowStream(a | group_by(&Rec::k, count(), sum(&Rec::o), avg(&Rec::o)).named(name) |
                       map([](const Key& key, const auto& group) {
                         const auto& [rows, sum, average] = group;
                         return Rec{key, rows, sum, average.value_or(-0.75)};
                       }));
    case Kind::group_shared:
      return RowStream(a | group_by(&Rec::k, min(&Rec::v), max(&Rec::v), sum(&Rec::x)).named(name) | map(GroupRow{}));
    case Kind::group_distinct:
      return RowStream(
          a | group_by(&Rec::k, count_distinct(&Rec::v), count_distinct(&Rec::o), count_distinct(&Rec::s)).named(name) |
          map([](const Key& key, const auto& counts) {
            const auto& [v, o, s] = counts;
            return Rec{key, v, o, static_cast<double>(s)};
          }));
    case Kind::group_arg_min: return a | group_by(&Rec::k, arg_min(&Rec::x)).named(name);
    default: throw std::logic_error(name);
  }
}

}  // namespace lockstep::property
