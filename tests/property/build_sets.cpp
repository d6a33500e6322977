#include <stdexcept>

#include "tests/property/build.hpp"
#include "tests/property/functions.hpp"

namespace lockstep::property {

namespace {

template <class S>
S build_set_of(const OpSpec& op, const std::string& name, const S& a, const S& b) {
  switch (op.choice % 6) {
    case 0: return a | union_(b).named(name);
    case 1: return a | union_all(b).named(name);
    case 2: return a | intersect(b).named(name);
    case 3: return a | intersect_all(b).named(name);
    case 4: return a | except(b).named(name);
    default: return a | except_all(b).named(name);
  }
}

}  // namespace

AnyStream build_set(const OpSpec& op, const std::string& name, const AnyStream& a, const AnyStream& b) {
  switch (op.kind) {
    case Kind::set_rows: return build_set_of(op, name, std::get<RowStream>(a), std::get<RowStream>(b));
    case Kind::set_keyed: return build_set_of(op, name, std::get<KeyedRows>(a), std::get<KeyedRows>(b));
    default: throw std::logic_error(name);
  }
}

}  // namespace lockstep::property
