#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <typeinfo>

#include "runtime/faults/errors.hpp"
#include "runtime/rows/traits.hpp"

// How operators apply what a user gives them, a member pointer, a function, `key` or `value`, to a row. A keyed
// stream's row is a pair: a function of two arguments gets key and value, a function of one gets the pair, a
// member pointer applies to the value.

namespace lockstep {

struct KeyProjection {};
struct ValueProjection {};

/// The key of a keyed stream's row.
inline constexpr KeyProjection key{};
/// The value of a keyed stream's row; the whole row of a plain one.
inline constexpr ValueProjection value{};

namespace projection {

template <bool kKeyed, class Function, class R>
decltype(auto) apply(Function& function, const R& row) {
  using F = std::remove_cvref_t<Function>;
  if constexpr (std::same_as<F, ValueProjection>) {
    if constexpr (kKeyed) {
      return (row.second);
    } else {
      return (row);
    }
  } else if constexpr (std::same_as<F, KeyProjection>) {
    static_assert(kKeyed, "lockstep: ls::key needs a keyed stream; use key_by first");
    return (row.first);
  } else if constexpr (kKeyed && std::is_member_pointer_v<F>) {
    return std::invoke(function, row.second);
  } else if constexpr (kKeyed) {
    if constexpr (std::is_invocable_v<Function&, decltype(row.first), decltype(row.second)>) {
      return std::invoke(function, row.first, row.second);
    } else {
      return std::invoke(function, row);
    }
  } else {
    return std::invoke(function, row);
  }
}

template <bool kKeyed, class Function, class R>
using Result = std::remove_cvref_t<decltype(apply<kKeyed>(std::declval<Function&>(), std::declval<const R&>()))>;

/// Whether applying it runs code of the user's, which may throw.
template <class Function>
inline constexpr bool is_user_code = !std::is_member_pointer_v<Function> && !std::same_as<Function, KeyProjection> &&
                                     !std::same_as<Function, ValueProjection>;

/// apply(), with what the user's code throws turned into a RowError.
template <bool kKeyed, class Function, class R>
decltype(auto) guarded(const std::string& operator_name, Function& function, const R& row) {
  if constexpr (is_user_code<Function>) {
    try {
      return apply<kKeyed>(function, row);
    } catch (...) {
      blame(operator_name, row);
    }
  } else {
    return apply<kKeyed>(function, row);
  }
}

/// Of a class that does not describe its members, the place of the member is told.
template <class Field, class Class>
std::string member_name(Field Class::*member) {
  std::ptrdiff_t place = 0;
  std::memcpy(&place, &member, std::min(sizeof place, sizeof member));
  std::string found = "member at " + std::to_string(place);
  if constexpr (shape::is_instance<Class, std::pair>) {
    found = place == 0 ? "first" : "second";
  } else if constexpr (Described<Class>) {
    boost::mp11::mp_for_each<shape::Members<Class>>([&](auto description) {
      if constexpr (std::same_as<std::remove_cv_t<decltype(description.pointer)>, Field Class::*>) {
        if (description.pointer == member) found = description.name;
      }
    });
  }
  return found;
}

/// `amount`, `key`, `value`, or `function`: the part of an operator's derived name.
template <class Function>
std::string name(const Function& function) {
  if constexpr (std::same_as<Function, KeyProjection>) {
    return "key";
  } else if constexpr (std::same_as<Function, ValueProjection>) {
    return "value";
  } else if constexpr (std::is_member_object_pointer_v<Function>) {
    return member_name(function);
  } else {
    return "function";
  }
}

/// Two projections with equal signatures do the same. Lambdas have none.
template <class Function>
std::optional<std::string> signature(const Function& function) {
  if constexpr (std::is_member_pointer_v<Function>) {
    std::string image(sizeof function, '\0');
    std::memcpy(image.data(), &function, sizeof function);
    return std::string(typeid(Function).name()) + image;
  } else if constexpr (!is_user_code<Function>) {
    return std::string(typeid(Function).name());
  } else {
    return std::nullopt;
  }
}

}  // namespace projection
}  // namespace lockstep
