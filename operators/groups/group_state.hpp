#pragma once

#include <array>
#include <memory>
#include <tuple>
#include <utility>

#include "operators/groups/aggregates/aggregator.hpp"
#include "operators/groups/pack.hpp"
#include "operators/groups/wide_integer.hpp"
#include "runtime/faults/errors.hpp"
#include "runtime/state/rows_of_key.hpp"

namespace lockstep {

/// A row on its way into a group: its key, and what the aggregates need of it.
template <class K, class... Aggregator>
struct LiftedRow {
  K first;
  [[no_unique_address]] Pack<typename Aggregator::Lifted...> second;
};

/// The value of a group in the result: one aggregate gives its bare value, several a tuple.
template <class... Aggregator>
struct GroupResultOf {
  using type = std::tuple<typename Aggregator::Result...>;
};
template <class Aggregator>
struct GroupResultOf<Aggregator> {
  using type = typename Aggregator::Result;
};
template <class... Aggregator>
using GroupResult = typename GroupResultOf<Aggregator...>::type;

/// What some rows of a step add to the linear aggregates of a group.
template <class... Aggregator>
class GroupDelta {
 public:
  using Lifted = Pack<typename Aggregator::Lifted...>;

  void add(const Lifted& lifted, Weight weight) {
    total_.add_product(1, weight);
    [&]<std::size_t... i>(std::index_sequence<i...>) {
      (add_one<Aggregator>(item<i>(deltas_), item<i>(lifted), weight), ...);
    }
    (std::index_sequence_for<Aggregator...>());
  }

  const WeightSum& total() const { return total_; }
  template <std::size_t i>
  const auto& delta() const {
    return item<i>(deltas_);
  }

 private:
  template <class A>
  struct DeltaOf {
    using type = typename A::Delta;
  };
  template <class A>
  requires A::kKeepsRows struct DeltaOf<A> {
    using type = Nothing;
  };

  template <class A>
  static void add_one(auto& delta, const typename A::Lifted& lifted, Weight weight) {
    if constexpr (!A::kKeepsRows) A::add(delta, lifted, weight);
  }

  WeightSum total_;
  [[no_unique_address]] Pack<typename DeltaOf<Aggregator>::type...> deltas_;
};

/// A part of a group's delta that was combined before the exchange.
template <class K, class... Aggregator>
struct GroupPartial {
  K first;
  GroupDelta<Aggregator...> delta;
};

struct InArenaTag {
  struct InArena {};
};
struct NotInArenaTag {};

/// What is kept of a group: the sum of its weights and the state of each aggregate. If one of them keeps rows, it
/// moves with its segment's help (see UsesArena).
template <class... Aggregator>
class GroupState : public std::conditional_t<(Aggregator::kKeepsRows || ...), InArenaTag, NotInArenaTag> {
 public:
  static constexpr bool kAnyKeepsRows = (Aggregator::kKeepsRows || ...);
  static constexpr bool kArenaBitwise = (... && [] {
    if constexpr (Aggregator::kKeepsRows) return Aggregator::State::kArenaBitwise;
    return true;
  }());

  /// What to say if the i-th sum has left its range; the total is the first.
  static constexpr const char* kOverflows[] = {"the weights of a group sum to more than 64 bits", [] {
                                                 if constexpr (!Aggregator::kKeepsRows) return Aggregator::kOverflow;
                                                 return "";
                                               }()...};

  Weight total = 0;
  [[no_unique_address]] Pack<typename Aggregator::State...> states;

  /// Whether all is as if no row had ever come.
  bool is_vacant() const {
    if (total != 0) return false;
    return [&]<std::size_t... i>(std::index_sequence<i...>) { return (... && is_zero<Aggregator>(item<i>(states))); }
    (std::index_sequence_for<Aggregator...>());
  }

  /// Rows that ordered aggregates keep, each for itself.
  std::size_t kept_rows() const requires kAnyKeepsRows {
    return [&]<std::size_t... i>(std::index_sequence<i...>) { return (... + kept_rows<Aggregator>(item<i>(states))); }
    (std::index_sequence_for<Aggregator...>());
  }

  /// Adds a row to the linear aggregates. Calls carried(i, carry) if the i-th sum has left its range, the total being
  /// the first.
  template <class Carried>
  void add(const Pack<typename Aggregator::Lifted...>& lifted, Weight weight, Carried&& carried) {
    carry(0, add_wrapping(total, weight), carried);
    each_linear(
        [&]<std::size_t i, class A>(auto& state) { carry(i + 1, A::add(state, item<i>(lifted), weight), carried); });
  }
  template <class Carried>
  void apply(const GroupDelta<Aggregator...>& delta, Carried&& carried) {
    carry(0, delta.total().add_to(total), carried);
    each_linear([&]<std::size_t i, class A>(auto& state) {
      carry(i + 1, A::apply(state, delta.template delta<i>()), carried);
    });
  }

  /// Fetches the rows that ordered aggregates keep elsewhere. (Inlined by force: see HashTable::prefetch.)
  template <class Segment>
  [[gnu::always_inline]] void prefetch(const Segment& home) const {
    [&]<std::size_t... i>(std::index_sequence<i...>) __attribute__((always_inline)) {
      (prefetch_one<Aggregator>(item<i>(states), home), ...);
    }
    (std::index_sequence_for<Aggregator...>());
  }

  void move_to(GroupState* raw) {
    std::construct_at(raw);
    raw->total = total;
    each(
        [&]<class A>(auto& state, auto& to) {
          if constexpr (A::kKeepsRows) {
            state.move_to(&to);
          } else {
            to = std::move(state);
          }
        },
        *raw);
    std::destroy_at(this);
  }

  template <class Segment>
  void relocate_to(GroupState* raw, Segment& from, Segment& home) {
    std::construct_at(raw);
    raw->total = total;
    each(
        [&]<class A>(auto& state, auto& to) {
          if constexpr (A::kKeepsRows) {
            state.relocate_to(&to, from, home);
          } else {
            to = std::move(state);
          }
        },
        *raw);
    std::destroy_at(this);
  }

  /// Throws if something cannot be copied; then there is no copy.
  template <class Segment>
  void clone_to(GroupState* raw, const Segment& from, Segment& home) const {
    std::construct_at(raw);
    raw->total = total;
    try {
      const_cast<GroupState*>(this)->each(
          [&]<class A>(auto& state, auto& to) {
            if constexpr (A::kKeepsRows) {
              state.clone_to(&to, from, home);
            } else {
              to = state;
            }
          },
          *raw);
    } catch (...) {
      raw->destroy(home);
      throw;
    }
  }

  void rebase(std::byte* from, std::byte* home) {
    each(
        [&]<class A>(auto& state, auto&) {
          if constexpr (A::kKeepsRows) state.rebase(from, home);
        },
        *this);
  }

  template <class Segment>
  void destroy(Segment& home) {
    each(
        [&]<class A>(auto& state, auto&) {
          if constexpr (A::kKeepsRows) state.destroy(home);
        },
        *this);
    std::destroy_at(this);
  }

 private:
  template <class A>
  static bool is_zero(const typename A::State& state) {
    if constexpr (A::kKeepsRows) return state.empty();
    if constexpr (!A::kKeepsRows) return A::is_zero(state);
  }

  template <class A>
  static std::size_t kept_rows(const typename A::State& state) {
    if constexpr (A::kKeepsRows) return state.size();
    return 0;
  }

  template <class Carried>
  static void carry(std::size_t sum, Int128 carry, Carried&& carried) {
    if (carry != 0) [[unlikely]]
      carried(sum, carry);
  }

  template <class A, class Segment>
  [[gnu::always_inline]] static void prefetch_one(const typename A::State& state, const Segment& home) {
    if constexpr (A::kKeepsRows) state.prefetch(home);
  }

  template <class Function>
  void each_linear(Function&& function) {
    [&]<std::size_t... i>(std::index_sequence<i...>) { (call_if_linear<i, Aggregator>(function), ...); }
    (std::index_sequence_for<Aggregator...>());
  }
  template <std::size_t i, class A, class Function>
  void call_if_linear(Function&& function) {
    if constexpr (!A::kKeepsRows) function.template operator()<i, A>(item<i>(states));
  }

  template <class Function>
  void each(Function&& function, GroupState& other) {
    [&]<std::size_t... i>(std::index_sequence<i...>) {
      (function.template operator()<Aggregator>(item<i>(states), item<i>(other.states)), ...);
    }
    (std::index_sequence_for<Aggregator...>());
  }
};

}  // namespace lockstep
