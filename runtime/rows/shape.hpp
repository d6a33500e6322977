#pragma once

#include <algorithm>
#include <array>
#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// What a row type is made of. Everything that is derived for rows (order, hash, coding, printing) is a fold over their
// fields (with_fields, all_fields); nothing else looks at Boost.Describe. No std::tuple is made of the fields: to
// compile that takes longer than all that is done with them.

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
concept Character = std::same_as<T, char> || std::same_as<T, char8_t> || std::same_as<T, char16_t> ||
    std::same_as<T, char32_t> || std::same_as<T, wchar_t>;
template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool> && !Character<T>;
template <class T>
concept Real = std::same_as<T, double> || std::same_as<T, float>;
template <class T>
concept Text = std::same_as<T, std::string>;
template <class T>
concept Optional = is_instance<T, std::optional>;
template <class T>
concept Sequence = is_instance<T, std::vector>;
template <class T>
concept TupleLike = is_instance<T, std::pair> || is_instance<T, std::tuple>;
template <class T>
concept Composite = TupleLike<T> || Described<T>;

template <class T>
concept Enumeration = std::is_enum_v<T>;
template <class T>
concept Duration = is_instance<T, std::chrono::duration>;
template <class T>
concept TimePoint = is_instance<T, std::chrono::time_point>;
/// Types that are stored, told apart and ordered as another one is: see unwrap() and wrap().
template <class T>
concept Wrapped = Enumeration<T> || Duration<T> || TimePoint<T> || Character<T>;

template <Wrapped T>
constexpr auto unwrap(const T& value) {
  if constexpr (Enumeration<T>) {
    return static_cast<std::underlying_type_t<T>>(value);
  } else if constexpr (Duration<T>) {
    return value.count();
  } else if constexpr (TimePoint<T>) {
    return value.time_since_epoch();
  } else if constexpr (sizeof(T) == 1) {
    return static_cast<std::uint8_t>(value);
  } else if constexpr (sizeof(T) == 2) {
    return static_cast<std::uint16_t>(value);
  } else {
    return static_cast<std::uint32_t>(value);
  }
}
template <Wrapped T>
using Inner = decltype(unwrap(std::declval<const T&>()));
template <Wrapped T>
constexpr T wrap(const Inner<T>& inner) {
  return static_cast<T>(inner);
}

template <class T>
using Members = boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

/// Calls function(field...) with the fields of a struct, pair or tuple, in order.
template <class T, class Function>
requires Composite<std::remove_const_t<T>>
constexpr decltype(auto) with_fields(T& row, Function&& function) {
  using R = std::remove_const_t<T>;
  if constexpr (is_instance<R, std::pair>) {
    return function(row.first, row.second);
  } else if constexpr (TupleLike<R>) {
    return [&]<std::size_t... i>(std::index_sequence<i...>)->decltype(auto) { return function(std::get<i>(row)...); }
    (std::make_index_sequence<std::tuple_size_v<R>>());
  } else {
    return [&]<template <class...> class List, class... Member>(List<Member...>) -> decltype(auto) {
      return function(row.*Member::pointer...);
    }(Members<R>{});
  }
}

/// Whether function(field of a, field of b) is true of all fields; stops at the first of which it is not.
template <Composite T, class Function>
constexpr bool all_fields(const T& a, const T& b, Function&& function) {
  if constexpr (is_instance<T, std::pair>) {
    return function(a.first, b.first) && function(a.second, b.second);
  } else if constexpr (TupleLike<T>) {
    return [&]<std::size_t... i>(std::index_sequence<i...>) {
      return (function(std::get<i>(a), std::get<i>(b)) && ...);
    }
    (std::make_index_sequence<std::tuple_size_v<T>>());
  } else {
    return [&]<template <class...> class List, class... Member>(List<Member...>) {
      return (function(a.*Member::pointer, b.*Member::pointer) && ...);
    }(Members<T>{});
  }
}

template <Described T>
inline constexpr auto field_names = []<template <class...> class List, class... Member>(List<Member...>) {
  return std::array<std::string_view, sizeof...(Member)>{Member::name...};
}(Members<T>{});

/// The types of the fields, as a list.
template <class... Field>
struct FieldList {};
template <class T>
struct FieldsOf {
  template <template <class...> class List, class... Member>
  static FieldList<std::remove_cvref_t<decltype(std::declval<T&>().*Member::pointer)>...> list(List<Member...>*);
  using type = decltype(list(static_cast<Members<T>*>(nullptr)));
};
template <class... Field>
struct FieldsOf<std::tuple<Field...>> {
  using type = FieldList<Field...>;
};
template <class First, class Second>
struct FieldsOf<std::pair<First, Second>> {
  using type = FieldList<First, Second>;
};
template <class T>
using Fields = typename FieldsOf<T>::type;

}  // namespace shape

namespace shape {

/// Becomes whatever a member is; for counting members.
struct AnyMember {
  template <class T>
  operator T() const noexcept;
};
template <class T, std::size_t... i>
consteval bool takes(std::index_sequence<i...>) {
  return requires { T{(void(i), AnyMember{})...}; };
}

/// Whether a struct describes all of its data members. Of an aggregate that is counted. Of another one, the size tells,
/// if members are described in the order in which they are declared.
template <class T>
inline constexpr bool describes_all = true;
template <Described T>
inline constexpr bool describes_all<T> = [] {
  using Own = boost::describe::describe_members<T, boost::describe::mod_public>;
  using Bases = boost::describe::describe_bases<T, boost::describe::mod_any_access>;
  if constexpr (std::is_aggregate_v<T>) {
    constexpr std::size_t kMembers = boost::mp11::mp_size<Own>::value + boost::mp11::mp_size<Bases>::value;
    return !takes<T>(std::make_index_sequence<kMembers + 1>());
  } else {
    const auto after = [](std::size_t end, std::size_t align, std::size_t size) {
      return (end + align - 1) / align * align + size;
    };
    std::size_t end = 0;
    boost::mp11::mp_for_each<Bases>([&]<class Base>(Base) {
      using B = typename Base::type;
      if (!std::is_empty_v<B>) end = after(end, alignof(B), sizeof(B));
    });
    boost::mp11::mp_for_each<Own>([&]<class Member>(Member) {
      using M = std::remove_cvref_t<decltype(std::declval<T&>().*Member::pointer)>;
      end = after(end, alignof(M), sizeof(M));
    });
    return sizeof(T) <= std::max<std::size_t>(after(end, alignof(T), 0), 1);
  }
}();

}  // namespace shape

/// Copying is copying bytes, and nothing has to be destroyed.
template <class T>
inline constexpr bool kBitwise = std::is_trivially_copy_constructible_v<T>&& std::is_trivially_destructible_v<T>;

namespace shape {

/// Whether doubles occur anywhere in a row.
template <class T>
struct AnyReal : std::bool_constant<Real<T>> {};
template <Wrapped T>
struct AnyReal<T> : AnyReal<Inner<T>> {};
template <Optional T>
struct AnyReal<T> : std::bool_constant<row_traits<typename T::value_type>::kHasReals> {};
template <Sequence T>
struct AnyReal<T> : std::bool_constant<row_traits<typename T::value_type>::kHasReals> {};
template <Composite T>
struct AnyReal<T> {
  static constexpr bool value = []<class... Field>(FieldList<Field...>*) {
    return (row_traits<Field>::kHasReals || ...);
  }(static_cast<Fields<T>*>(nullptr));
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
template <class T>
requires(Wrapped<T> && !Character<T>) struct PackedSize<T> : PackedSize<Inner<T>> {
};
template <Composite T>
requires is_derived<T>
struct PackedSize<T> {
  static constexpr std::size_t value = []<class... Field>(FieldList<Field...>*) -> std::size_t {
    if ((... && (PackedSize<Field>::value != 0))) {
      return (std::size_t{0} + ... + PackedSize<Field>::value);
    }
    return 0;
  }(static_cast<Fields<T>*>(nullptr));
};

/// Whether the coding of such a row may have no bytes.
template <class T>
inline constexpr bool may_be_no_bytes = false;
template <Composite T>
requires is_derived<T>
inline constexpr bool may_be_no_bytes<T> = []<class... Field>(FieldList<Field...>*) {
  return (... && may_be_no_bytes<Field>);
}(static_cast<Fields<T>*>(nullptr));

}  // namespace shape
}  // namespace lockstep
