#pragma once

#include <cstddef>
#include <utility>

namespace lockstep {

template <std::size_t i, class T>
struct PackItem {
  [[no_unique_address]] T value{};
};
template <class Indices, class... T>
struct PackOf;
template <std::size_t... i, class... T>
struct PackOf<std::index_sequence<i...>, T...> : PackItem<i, T>... {
  /// From what make(index) gives for each item, in their order.
  template <class Make>
  static PackOf from(Make&& make) {
    return {PackItem<i, T>{make.template operator()<i, T>()}...};
  }
};

/// One item of each type, for what aggregates have one of each. (A std::tuple would do, and be a twentieth of all
/// functions of a program.)
template <class... T>
using Pack = PackOf<std::index_sequence_for<T...>, T...>;

template <class... T>
Pack<T...> pack_of(T... item) {
  return [&]<std::size_t... i>(std::index_sequence<i...>) { return Pack<T...>{PackItem<i, T>{std::move(item)}...}; }
  (std::index_sequence_for<T...>());
}

template <std::size_t i, class T>
constexpr T& item(PackItem<i, T>& pack) {
  return pack.value;
}
template <std::size_t i, class T>
constexpr const T& item(const PackItem<i, T>& pack) {
  return pack.value;
}

}  // namespace lockstep
