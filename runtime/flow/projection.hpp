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

// How operators apply what a user gives them, a member pointer, a function, `key` or `value`, to a row: a function of
// one argument gets the value, and a member pointer applies to it; a function of two gets key and value. The value of a
// plain stream's row is the row.

namespace lockstep {

struct KeyProjection {};
struct ValueProjection {};

/// The key of a keyed stream's row.
inline constexpr KeyProjection key{};
/// The value of a keyed stream's row; the whole row of a plain one.
inline constexpr ValueProjection value{};

/// The whole row, of a keyed stream too: the pair.
struct WholeRow {
  template <class R>
  const R& operator()(const R& row) const {
    return row;
  }
};

namespace projection {

template <class F>
inline constexpr bool is_key = std::same_as<std::remove_cvref_t<F>, KeyProjection>;
template <class F>
inline constexpr bool is_value = std::same_as<std::remove_cvref_t<F>, ValueProjection>;
template <class F>
inline constexpr bool is_whole_row = std::same_as<std::remove_cvref_t<F>, WholeRow>;

/// Whether it can be applied to such rows.
template <bool kKeyed, class Function, class R>
inline constexpr bool fits = is_value<Function> || is_whole_row<Function> || std::invocable<Function&, const R&>;
template <class Function, class R>
inline constexpr bool fits<true, Function, R> =
    is_key<Function> || is_value<Function> || is_whole_row<Function> ||
    std::invocable<Function&, const typename R::first_type&, const typename R::second_type&> ||
    std::invocable<Function&, const typename R::second_type&>;
template <bool kKeyed, class Function, class R>
concept Fits = fits<kKeyed, Function, R>;

template <bool kKeyed, class Function, class R>
decltype(auto) apply(Function& function, const R& row) {
  if constexpr (is_whole_row<Function> || (is_value<Function> && !kKeyed)) {
    return (row);
  } else if constexpr (is_value<Function>) {
    return (row.second);
  } else if constexpr (is_key<Function>) {
    return (row.first);
  } else if constexpr (!kKeyed) {
    return std::invoke(function, row);
  } else if constexpr (std::invocable<Function&, decltype(row.first)&, decltype(row.second)&>) {
    return std::invoke(function, row.first, row.second);
  } else {
    return std::invoke(function, row.second);
  }
}

template <bool kKeyed, class Function, class R>
using Result = std::remove_cvref_t<decltype(apply<kKeyed>(std::declval<Function&>(), std::declval<const R&>()))>;

template <bool kKeyed, class Function, class R, class Wanted>
concept Gives = std::convertible_to<Result<kKeyed, Function, R>, Wanted>;

/// Whether applying it runs code of the user's, which may throw.
template <class Function>
inline constexpr bool is_user_code =
    !std::is_member_object_pointer_v<Function> && !is_key<Function> && !is_value<Function> && !is_whole_row<Function>;

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

/// Of a class that does not describe its members, the place of the member is told. Not what name() says of no member.
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
  return found == "key" || found == "value" || found == "function" ? "." + found : found;
}

/// `amount`, `key`, `value`, or `function`: the part of an operator's derived name.
template <class Function>
std::string name(const Function& function) {
  if constexpr (is_key<Function>) {
    return "key";
  } else if constexpr (is_value<Function>) {
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
