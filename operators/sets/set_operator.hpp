#pragma once

#include <utility>

#include "exchange/reads.hpp"
#include "runtime/graph/lookahead.hpp"
#include "runtime/state/captured_table.hpp"
#include "runtime/state/hash_table.hpp"
#include "runtime/state/state_form.hpp"
#include "runtime/zset/carries.hpp"

namespace lockstep {

/// The weights that a row has in two Z-sets.
struct WeightPair {
  Weight a = 0;
  Weight b = 0;
  bool is_vacant() const { return a == 0 && b == 0; }
};

/// A Z-set made of two, row by row: out[row] = Law::of(a[row], b[row]). Only rows of the deltas can change.
/// State: both weights of each row that has any.
template <class R, class Hash, class Law>
class SetOperator {
 public:
  explicit SetOperator(const IndexLimits& limits) : weights_(limits) {}

  template <class ReaderA, class ReaderB>
  void eval(ReaderA& a, ReaderB& b, Batch<R>& out) {
    take(a, &WeightPair::a, carries_a_);
    take(b, &WeightPair::b, carries_b_);
    carries_a_.settle();
    carries_b_.settle();
    weights_.drain_marks([&](const auto& marked) {
      const Int128 was = Law::of(marked.mark.weights.a, marked.mark.weights.b);
      const Int128 is = Law::of(marked.payload().a, marked.payload().b);
      if (was == is) return;
      if (!fits_weight(is) || !fits_weight(is - was)) {
        throw_overflow("the weight of a row does not fit 64 bits", to_string(marked.key()));
      }
      out.push_back({marked.key(), static_cast<Weight>(is - was)});
    });
  }

  std::size_t bytes() const { return weights_.bytes(); }

  Segments& table() { return weights_; }
  auto capture(const SlotSet* changes_of) {
    return capture_table(weights_, changes_of, [](Encoder& out, const WeightPair& weights, const auto&) {
      out.zigzag(weights.a);
      out.zigzag(weights.b);
    });
  }
  void load(Decoder& in) {
    while (!in.at_end()) {
      const R row = row_traits<R>::decode(in);
      weights_.load(row, Hash()(row), [&in](auto& entry) {
        entry.payload.a = in.zigzag();
        entry.payload.b = in.zigzag();
      });
    }
  }

 private:
  struct Before {
    WeightPair weights;
  };

  template <class Reader>
  void take(Reader& in, Weight WeightPair::*side, Carries<R>& carries) {
    for_each_ahead(
        in, ahead_, Hash(), [this](std::uint64_t hash) __attribute__((always_inline)) { weights_.prefetch(hash); },
        [this, side, &carries](const R& row, std::uint64_t hash, Weight weight) {
          auto* entry = weights_.insert(row, hash);
          const auto [marked, first] = weights_.mark(entry);
          if (first) marked->mark.weights = entry->payload;
          carries.note(row, add_wrapping(entry->payload.*side, weight));
          marked->written();
        });
  }

  HashTable<R, WeightPair, Before, Hash> weights_;
  Carries<R> carries_a_;
  Carries<R> carries_b_;
  Lookahead<R> ahead_;
};

template <class Law, Expression Other>
class SetOf : public Named<SetOf<Law, Other>> {
 public:
  explicit SetOf(Other other) : other_(std::move(other)) {}

  template <Expression E>
  [[gnu::cold]] auto apply(const E& in) const {
    if constexpr (!SameRows<E, Other>) {
      static_assert(
          SameRows<E, Other>,
          "lockstep: union_, intersect and except are of two streams of the same rows, both keyed or both plain");
      return in;
    } else {
      using R = typename E::Row;
      Part part = this->part(Law::kKind, in.label() + ", " + other_.label());
      part.state = std::string("weights of ") + reads::kRowsByOwner<E::kKeyed>;
      part.form = state_form::row_and_weights(derived::coding<R>(), 2);
      part.runs_user_code = false;
      part.bound = "the rows of " + in.label() + " and " + other_.label();
      part.schema = in.schema();
      part.properties = {.partitioning = reads::kOwner<E::kKeyed>,
                         .append_only = Law::kGrows && in.properties().append_only && other_.properties().append_only,
                         .consolidated = true};
      return add_part<StreamOf<E::kKeyed, R>>(
          in.flow(), std::move(part),
          [](const Site& site) { return SetOperator<R, OwnerHash<E::kKeyed>, Law>(site.limits()); },
          reads::by_owner(in), reads::by_owner(other_));
    }
  }

 private:
  Other other_;
};

template <class Law, class Other>
auto set_of(Other other) {
  return SetOf<Law, Other>(std::move(other));
}

}  // namespace lockstep
