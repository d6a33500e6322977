#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "operators/groups/aggregates/aggregator.hpp"
#include "runtime/flow/projection.hpp"
#include "runtime/state/rows_of_key.hpp"
#include "runtime/state/state_form.hpp"

namespace lockstep {

namespace aggregators {

/// The values of a group, each with the sum of the weights of its rows, and how many of these are positive.
template <class V>
class DistinctValues {
 public:
  static constexpr bool kArenaBitwise = RowsOfKey<V, RowOrder::none>::kArenaBitwise;

  std::int64_t positive() const { return positive_; }

  bool empty() const { return values_.empty(); }
  std::size_t size() const { return values_.size(); }
  template <class Segment>
  [[gnu::always_inline]] void prefetch(const Segment& home) const {
    values_.prefetch(home);
  }
  template <class Segment, class Function>
  void for_each(const Segment& home, Function&& function) const {
    values_.for_each(home, function);
  }
  template <class Segment>
  int add(Segment& home, const IndexLimits& limits, const V& value, Weight weight, std::size_t& large_bytes) {
    Weight after = values_.weight_of(home, value);
    positive_ -= after > 0 ? 1 : 0;
    add_wrapping(after, weight);
    positive_ += after > 0 ? 1 : 0;
    return values_.add(home, limits, value, weight, large_bytes);
  }

  template <class Segment>
  void clear(Segment& home, std::size_t& large_bytes) {
    values_.clear(home, large_bytes);
    positive_ = 0;
  }

  // How it moves with its entry: see RowsOfKey.

  void move_to(DistinctValues* raw) noexcept {
    values_.move_to(&raw->values_);
    raw->positive_ = positive_;
  }
  template <class Segment>
  void relocate_to(DistinctValues* raw, Segment& from, Segment& to) {
    values_.relocate_to(&raw->values_, from, to);
    raw->positive_ = positive_;
  }
  template <class Segment>
  void clone_to(DistinctValues* raw, const Segment& from, Segment& to) const {
    values_.clone_to(&raw->values_, from, to);
    raw->positive_ = positive_;
  }
  void rebase(std::byte* from, std::byte* to) { values_.rebase(from, to); }
  template <class Segment>
  void destroy(Segment& home) {
    values_.destroy(home);
  }

 private:
  RowsOfKey<V, RowOrder::none> values_;
  std::int64_t positive_ = 0;
};

template <bool kKeyed, class R, class Projection>
struct DistinctCount {
  using Lifted = projection::Result<kKeyed, Projection, R>;
  using State = DistinctValues<Lifted>;
  using Result = std::int64_t;
  static constexpr bool kKeepsRows = true;
  static constexpr bool kBestSuffices = false;

  static Schema form() { return state_form::rows_in_order(derived::coding<Lifted>()); }

  Projection projection;

  Lifted lift(const std::string& name, const R& row) {
    Lifted value = projection::guarded<kKeyed>(name, projection, row);
    normalise(value);
    return value;
  }
  /// A row without the field takes no part.
  static bool takes_part(const Lifted& lifted) {
    if constexpr (shape::Optional<Lifted>) return lifted.has_value();
    return true;
  }
  template <class Segment>
  static Result result(const State& state, const Segment&) {
    return state.positive();
  }
};

}  // namespace aggregators

template <class Projection>
struct CountDistinct : OfProjection<Projection> {
  std::string describe() const { return "count_distinct(" + projection::name(this->projection) + ")"; }
  template <bool kKeyed, bool kByKey, class R>
  using Aggregator = aggregators::DistinctCount<kKeyed, R, Projection>;
};

/// How many different values a field has, an std::int64_t: those whose rows' weights sum to more than 0. Rows whose
/// optional field is empty are skipped. State: the values of each group. O(1) per changed row.
template <class Projection>
CountDistinct<Projection> count_distinct(Projection projection) {
  return {{std::move(projection)}};
}

}  // namespace lockstep
