#include <stdexcept>

#include "tests/property/build.hpp"
#include "tests/property/functions.hpp"

namespace lockstep::property {

AnyStream build_semi_join(const OpSpec& op, const std::string& name, const AnyStream& a, const AnyStream& b) {
  const int c = op.choice;
  const auto keyed = [](const AnyStream& any) -> const KeyedRows& { return std::get<KeyedRows>(any); };
  const auto numbers = [](const AnyStream& any) -> const Numbers& { return std::get<Numbers>(any); };
  switch (op.kind) {
    case Kind::semi_join_rows: return keyed(a) | semi_join(numbers(b)).named(name);
    case Kind::anti_join_rows: return keyed(a) | anti_join(keyed(b)).named(name);
    case Kind::anti_join_itself: return keyed(a) | anti_join(keyed(a), matching(FieldsMatch{c})).named(name);
    case Kind::semi_join_numbers: return numbers(a) | semi_join(keyed(b)).named(name);
    case Kind::anti_join_matching: return numbers(a) | anti_join(numbers(b), matching(FieldsMatch{c})).named(name);
    default: throw std::logic_error(name);
  }
}

}  // namespace lockstep::property
