#pragma once

#include <array>
#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// What a row type is made of. Everything that is derived for rows (order, hash, coding, printing) is a fold
// over `fields(row)`; nothing else looks at Boost.Describe.

namespace lockstep {

template <class T>
struct row_traits;

template <class T>
concept Described = std::is_class_v<T> && boost::describe::has_describe_members<T>::value;

namespace shape {

template <class T, template <class...> class Template>
inline constexpr bool is_instance = false;
template <template <class...> class Template, class... Args>
inline constexpr bool is_instance<Template<Args...>, Template> = true;

template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept Real = std::same_as<T, double>;
template <class T>
concept Text = std::same_as<T, std::string>;
template <class T>
concept Optional = is_instance<T, std::optional>;
template <class T>
concept Sequence = is_instance<T, std::vector> && !std::same_as<T, std::vector<bool>>;
template <class T>
concept TupleLike = is_instance<T, std::pair> || is_instance<T, std::tuple>;
template <class T>
concept Composite = TupleLike<T> || Described<T>;

template <class T>
using Members = boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

/// The fields of a struct, pair or tuple, in order, as a tuple of references.
template <class T>
requires Composite<std::remove_const_t<T>>
constexpr auto fields(T& row) {
  if constexpr (TupleLike<std::remove_const_t<T>>) {
    return std::apply([](auto&... field) { return std::tie(field...); }, row);
  } else {
    return [&row]<template <class...> class List, class... Member>(List<Member...>) {
      return std::tie(row.*Member::pointer...);
    }(Members<std::remove_const_t<T>>{});
  }
}

template <Described T>
inline constexpr auto field_names = []<template <class...> class List, class... Member>(List<Member...>) {
  return std::array<std::string_view, sizeof...(Member)>{Member::name...};
}(Members<T>{});

template <class T>
using FieldTuple = decltype(fields(std::declval<const T&>()));

}  // namespace shape

/// Copying is copying bytes, and nothing has to be destroyed.
template <class T>
inline constexpr bool kBitwise = std::is_trivially_copy_constructible_v<T>&& std::is_trivially_destructible_v<T>;

namespace shape {

/// Whether doubles occur anywhere in a row.
template <class T>
struct AnyReal : std::bool_constant<Real<T>> {};
template <Optional T>
struct AnyReal<T> : std::bool_constant<row_traits<typename T::value_type>::kHasReals> {};
template <Sequence T>
struct AnyReal<T> : std::bool_constant<row_traits<typename T::value_type>::kHasReals> {};
template <Composite T>
struct AnyReal<T> {
  static constexpr bool value = []<class... Field>(std::tuple<Field...>*) {
    return (row_traits<std::remove_cvref_t<Field>>::kHasReals || ...);
  }(static_cast<FieldTuple<T>*>(nullptr));
};

/// Whether row_traits of a type is the derived one, not a specialisation with laws of its own.
template <class T>
inline constexpr bool is_derived = requires {
  typename row_traits<T>::Derived;
};

/// Bytes of the packed image of a row whose size is the same for all values, or 0.
template <class T>
struct PackedSize : std::integral_constant<std::size_t, 0> {};
template <class T>
requires std::integral<T> || Real<T>
struct PackedSize<T> : std::integral_constant<std::size_t, sizeof(T)> {
};
template <Composite T>
requires is_derived<T>
struct PackedSize<T> {
  static constexpr std::size_t value = []<class... Field>(std::tuple<Field...>*) -> std::size_t {
    if ((... && (PackedSize<std::remove_cvref_t<Field>>::value != 0))) {
      return (std::size_t{0} + ... + PackedSize<std::remove_cvref_t<Field>>::value);
    }
    return 0;
  }(static_cast<FieldTuple<T>*>(nullptr));
};

}  // namespace shape
}  // namespace lockstep
