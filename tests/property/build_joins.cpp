#include <stdexcept>

#include "tests/property/build.hpp"
#include "tests/property/functions.hpp"

namespace lockstep::property {

AnyStream build_join(const OpSpec& op, const std::string& name, const AnyStream& a, const AnyStream& b) {
  const int c = op.choice;
  const auto rows = [](const AnyStream& any) -> const RowStream& { return std::get<RowStream>(any); };
  const auto keyed = [](const AnyStream& any) -> const KeyedRows& { return std::get<KeyedRows>(any); };
  const auto numbers = [](const AnyStream& any) -> const Numbers& { return std::get<Numbers>(any); };
  switch (op.kind) {
    case Kind::join_on_optional:
      return rows(a) | key_by(&Rec::o).named(name + " left") |
             join(rows(b) | key_by(&Rec::o).named(name + " right"), MeetWithKey{c}).named(name);
    case Kind::fused_join:
      return rows(a) | filter(Keep{c}) | key_by(&Rec::k).named(name + " left") |
             join(rows(b) | key_by(&Rec::k).named(name + " right"), MeetWithKey{c}).named(name);
    case Kind::join_fields:
      return rows(a) | key_by(&Rec::k, &Rec::v).named(name + " left") |
             join(rows(b) | key_by(&Rec::k, &Rec::v).named(name + " right"), MeetWithKey{c}).named(name);
    case Kind::join_values: return keyed(a) | join(keyed(b), Meet{c}).named(name);
    case Kind::join_rows: return keyed(a) | join(keyed(b), MeetWithKey{c}).named(name);
    case Kind::self_join: return keyed(a) | join(keyed(a), MeetWithKey{c}).named(name);
    case Kind::fused_join_keyed:
      return keyed(a) | negate().named(name + " left") |
             join(keyed(b) | negate().named(name + " right"), MeetWithKey{c}).named(name);
    case Kind::join_numbers_to_rows: return keyed(a) | join(numbers(b), Meet{c}).named(name);
    case Kind::join_numbers: return numbers(a) | join(numbers(b), Meet{c}).named(name);
    case Kind::join_numbers_with_key: return numbers(a) | join(numbers(b), MeetWithKey{c}).named(name);
    default: throw std::logic_error(name);
  }
}

}  // namespace lockstep::property
