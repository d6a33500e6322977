#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "operators/groups/aggregates/aggregator.hpp"
#include "runtime/flow/projection.hpp"
#include "runtime/state/rows_of_key.hpp"
#include "runtime/state/state_form.hpp"

namespace lockstep {

namespace aggregators {

/// What tells the rows of a group apart: the row, or its value if all have the same key.
template <bool kByKey, class R>
struct Told {
  using type = R;
  static const R& of(const R& row) { return row; }
};
template <class R>
struct Told<true, R> {
  using type = typename R::second_type;
  static const type& of(const R& row) { return row.second; }
};

/// min and max, arg_min and arg_max: the first or last of the group's rows in the order of the field, then of the whole
/// row. kArg: the row is the result, else its field.
template <bool kMax, bool kArg, bool kKeyed, bool kByKey, class R, class Projection>
struct Extreme {
  using Field = projection::Result<kKeyed, Projection, R>;
  using Rest = typename Told<kByKey, R>::type;
  /// The field is all there is; a user's function may return something else of the same type.
  static constexpr bool kWholeRow = std::same_as<Field, Rest> && std::same_as<Projection, ValueProjection>;
  using Lifted = std::conditional_t<kWholeRow, Rest, std::pair<Field, Rest>>;
  using State = RowsOfKey<Lifted, RowOrder::by_row>;
  using Shown = std::conditional_t<kArg, Rest, Field>;
  using Result = std::conditional_t<kArg && shape::Optional<Field>, std::optional<Shown>, Shown>;
  static constexpr bool kKeepsRows = true;
  /// Where nothing is ever deleted.
  static constexpr bool kBestSuffices = true;

  static Schema form() {
    if constexpr (kWholeRow) {
      return state_form::rows_in_order(derived::coding<Rest>());
    } else {
      return state_form::rows_by_field(derived::coding<Field>(), derived::coding<Rest>(), kArg);
    }
  }

  Projection projection;

  Lifted lift(const std::string& name, const R& row) {
    if constexpr (kWholeRow) {
      return Told<kByKey, R>::of(row);
    } else {
      Lifted lifted(projection::guarded<kKeyed>(name, projection, row), Told<kByKey, R>::of(row));
      normalise(lifted);
      return lifted;
    }
  }

  /// A row without the field takes no part.
  static bool takes_part(const Lifted& lifted) {
    if constexpr (shape::Optional<Field>) return field(lifted).has_value();
    return true;
  }
  static const Field& field(const Lifted& lifted) {
    if constexpr (kWholeRow) {
      return lifted;
    } else {
      return lifted.first;
    }
  }
  template <class Segment>
  static Result result(const State& state, const Segment& home) {
    if constexpr (shape::Optional<Field>) {
      if (state.empty()) return std::nullopt;
    }
    const Lifted& best = kMax ? state.last(home) : state.first(home);
    if constexpr (kArg && !kWholeRow) {
      return best.second;
    } else {
      return field(best);
    }
  }
  /// Whether a row, being added, makes the kept one superfluous where nothing is ever deleted.
  static bool supersedes(const Lifted& added, const Lifted& kept) {
    const auto order = row_traits<Lifted>::compare(added, kept);
    return kMax ? order > 0 : order < 0;
  }
};

}  // namespace aggregators

/// As a user writes it.
template <bool kMax, bool kArg, class Projection>
struct ExtremeOf : OfProjection<Projection> {
  std::string describe() const {
    return std::string(kArg ? "arg_" : "") + (kMax ? "max(" : "min(") + projection::name(this->projection) + ")";
  }
  template <bool kKeyed, bool kByKey, class R>
  using Aggregator = aggregators::Extreme<kMax, kArg, kKeyed, kByKey, R, Projection>;
};

/// The smallest value of a field among the rows whose weight is not 0. Right under deletion: all rows are
/// kept, in order; only the best, if nothing is ever deleted.
template <class Projection>
ExtremeOf<false, false, Projection> min(Projection projection) {
  return {{std::move(projection)}};
}

/// The largest; see min.
template <class Projection>
ExtremeOf<true, false, Projection> max(Projection projection) {
  return {{std::move(projection)}};
}

/// The row with the smallest value of a field: of the rows whose weight is not 0, ties broken by the whole row. Of a
/// stream that is grouped by its own key, the value. If the field is an optional, rows without it take no part, and the
/// result is an optional. State: see min(), with which it is shared.
template <class Projection>
ExtremeOf<false, true, Projection> arg_min(Projection projection) {
  return {{std::move(projection)}};
}

/// The row with the largest; see arg_min(). Of rows that tie, the last in the order of the whole row.
template <class Projection>
ExtremeOf<true, true, Projection> arg_max(Projection projection) {
  return {{std::move(projection)}};
}

}  // namespace lockstep
