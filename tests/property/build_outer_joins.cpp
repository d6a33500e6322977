#include <stdexcept>

#include "tests/property/build.hpp"
#include "tests/property/functions.hpp"

namespace lockstep::property {

AnyStream build_outer_join(const OpSpec& op, const std::string& name, const AnyStream& a, const AnyStream& b) {
  const int c = op.choice;
  const auto rows = [](const AnyStream& any) -> const RowStream& { return std::get<RowStream>(any); };
  const auto keyed = [](const AnyStream& any) -> const KeyedRows& { return std::get<KeyedRows>(any); };
  const auto numbers = [](const AnyStream& any) -> const Numbers& { return std::get<Numbers>(any); };
  switch (op.kind) {
    case Kind::left_join_on_optional:
      return rows(a) | key_by(&Rec::o).named(name + " left") |
             left_join(rows(b) | key_by(&Rec::o).named(name + " right"), MeetMaybeWithKey{c}, nulls_never_match)
                 .named(name);
    case Kind::left_join_rows: return keyed(a) | left_join(keyed(b), MeetMaybe{c}).named(name);
    case Kind::left_join_matching:
      return keyed(a) | left_join(keyed(b), MeetMaybe{c}, matching(FieldsMatch{c})).named(name);
    case Kind::full_join_rows: return keyed(a) | full_join(keyed(b), MeetMaybeWithKey{c}).named(name);
    case Kind::full_join_matching:
      return keyed(a) | full_join(numbers(b), MeetMaybeWithKey{c}, matching(FieldsMatch{c})).named(name);
    case Kind::right_join_numbers: return numbers(a) | right_join(numbers(b), MeetMaybeWithKey{c}).named(name);
    case Kind::full_join_numbers: return numbers(a) | full_join(numbers(b), MeetMaybe{c}).named(name);
    default: throw std::logic_error(name);
  }
}

}  // namespace lockstep::property
