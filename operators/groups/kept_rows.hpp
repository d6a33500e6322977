#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include "operators/groups/pack.hpp"
#include "runtime/flow/projection.hpp"

namespace lockstep {

/// Which ordered aggregates read the rows that another one keeps: min and max of one field share.
template <class... A>
class KeptRows {
 public:
  /// `share`: whether they may.
  KeptRows(const Pack<A...>& aggregators, bool share) {
    [&]<std::size_t... i>(std::index_sequence<i...>) { (find<i>(aggregators, share), ...); }
    (std::index_sequence_for<A...>());
  }

  /// Whether the i-th aggregate keeps rows of its own.
  bool keeps(std::size_t i) const { return keeper_[i] == i; }

  /// The rows that the i-th aggregate reads.
  template <std::size_t i, class States>
  const auto& of(const States& states) const {
    return find_keeper<i, 0>(states);
  }

 private:
  template <std::size_t i, std::size_t candidate, class States>
  const auto& find_keeper(const States& states) const {
    if constexpr (candidate < i) {
      using Wanted = std::remove_cvref_t<decltype(item<i>(states))>;
      if constexpr (std::same_as<std::remove_cvref_t<decltype(item<candidate>(states))>, Wanted>) {
        if (keeper_[i] == candidate) return item<candidate>(states);
      }
      return find_keeper<i, candidate + 1>(states);
    } else {
      return item<i>(states);
    }
  }

  template <std::size_t i>
  void find(const Pack<A...>& aggregators, bool share) {
    keeper_[i] = i;
    if (!share) return;
    [&]<std::size_t... j>(std::index_sequence<j...>) { (share_if_same<i, j>(aggregators), ...); }
    (std::make_index_sequence<i>());
  }
  template <std::size_t i, std::size_t j>
  void share_if_same(const Pack<A...>& aggregators) {
    using One = std::tuple_element_t<i, std::tuple<A...>>;
    using Other = std::tuple_element_t<j, std::tuple<A...>>;
    if constexpr (One::kKeepsRows && Other::kKeepsRows && std::same_as<typename One::State, typename Other::State>) {
      const auto a = projection::signature(item<i>(aggregators).projection);
      const auto b = projection::signature(item<j>(aggregators).projection);
      if (keeper_[i] == i && a && b && *a == *b) keeper_[i] = keeper_[j];
    }
  }

  std::array<std::size_t, sizeof...(A)> keeper_{};
};

}  // namespace lockstep
