#include <stdexcept>

#include "tests/property/build.hpp"
#include "tests/property/delay.hpp"
#include "tests/property/functions.hpp"

namespace lockstep::property {

namespace {

AnyStream of_rows(const OpSpec& op, const std::string& name, const RowStream& a, const AnyStream& b) {
  const int c = op.choice;
  const auto other = [&b]() -> const RowStream& { return std::get<RowStream>(b); };
  switch (op.kind) {
    case Kind::filter: return RowStream(a | filter(Keep{c}).named(name));
    case Kind::map: return RowStream(a | map(Change{c}).named(name));
    case Kind::flat_map_vector: return RowStream(a | flat_map(Split{c}).named(name));
    case Kind::flat_map_array: return RowStream(a | flat_map(SplitInTwo{c}).named(name));
    case Kind::flat_map_optional: return RowStream(a | flat_map(SplitMaybe{c}).named(name));
    case Kind::negate: return RowStream(a | negate().named(name));
    case Kind::distinct: return a | distinct().named(name);
    case Kind::gather: return a | gather().named(name);
    case Kind::delay: return a | Delay().named(name);
    case Kind::fused_chain:
      return RowStream(a | filter(Keep{c}) | map(Change{c}) | flat_map(Split{c}) | negate().named(name));
    case Kind::shared_chain: {
      const auto chain = a | filter(Keep{c}) | map(Change{c + 1}).named(name + " chain");
      return RowStream(chain | distinct().named(name + " distinct") | plus(chain).named(name));
    }
    case Kind::plus: return RowStream(a | plus(other()).named(name));
    case Kind::minus: return RowStream(a | minus(other()).named(name));
    case Kind::fused_plus_distinct:
      return a | filter(Keep{c}) | plus(other() | map(Change{c})) | distinct().named(name);
    case Kind::index_by_member: return KeyedRows(a | key_by(&Rec::k).named(name));
    case Kind::index_by_function: return KeyedRows(a | key_by(OtherKey{c}).named(name));
    case Kind::fused_index: return KeyedRows(a | filter(Keep{c}) | map(Change{c}) | key_by(OtherKey{c}).named(name));
    case Kind::index_numbers: return Numbers(a | key_by(&Rec::k, &Rec::v).named(name));
    default: throw std::logic_error(name);
  }
}

AnyStream of_keyed(const OpSpec& op, const std::string& name, const KeyedRows& a, const AnyStream& b) {
  const auto other = [&b]() -> const KeyedRows& { return std::get<KeyedRows>(b); };
  switch (op.kind) {
    case Kind::filter_keyed: return KeyedRows(a | filter(Keep{op.choice}).named(name));
    case Kind::negate_keyed: return KeyedRows(a | negate().named(name));
    case Kind::distinct_keyed: return a | distinct().named(name);
    case Kind::plus_keyed: return KeyedRows(a | plus(other()).named(name));
    case Kind::minus_keyed: return KeyedRows(a | minus(other()).named(name));
    case Kind::revalue_keyed: return KeyedRows(a | key_by(key, Change{op.choice}).named(name));
    case Kind::map_keyed: return RowStream(a | map(Change{op.choice}).named(name));
    default: throw std::logic_error(name);
  }
}

AnyStream of_numbers(const OpSpec& op, const std::string& name, const Numbers& a, const AnyStream& b) {
  const auto other = [&b]() -> const Numbers& { return std::get<Numbers>(b); };
  switch (op.kind) {
    case Kind::filter_numbers: return Numbers(a | filter(Keep{op.choice}).named(name));
    case Kind::negate_numbers: return Numbers(a | negate().named(name));
    case Kind::distinct_numbers: return a | distinct().named(name);
    case Kind::plus_numbers: return Numbers(a | plus(other()).named(name));
    case Kind::minus_numbers: return Numbers(a | minus(other()).named(name));
    case Kind::revalue_numbers: return Numbers(a | key_by(key, Revalue{op.choice}).named(name));
    case Kind::map_numbers: return RowStream(a | map(Change{op.choice}).named(name));
    default: throw std::logic_error(name);
  }
}

}  // namespace

AnyStream build_stateless(const OpSpec& op, const std::string& name, const AnyStream& a, const AnyStream& b) {
  switch (info(op.kind).in.front()) {
    case Shape::rows: return of_rows(op, name, std::get<RowStream>(a), b);
    case Shape::keyed: return of_keyed(op, name, std::get<KeyedRows>(a), b);
    default: return of_numbers(op, name, std::get<Numbers>(a), b);
  }
}

}  // namespace lockstep::property
