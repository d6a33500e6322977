#pragma once

#include "exchange/reads.hpp"
#include "runtime/graph/lookahead.hpp"
#include "runtime/state/captured_table.hpp"
#include "runtime/state/hash_table.hpp"
#include "runtime/state/state_form.hpp"
#include "runtime/zset/carries.hpp"

namespace lockstep {

/// distinct(z)[row] = 1 if z[row] > 0, else nothing. Only rows of the delta can change.
/// State: the weight of each row whose weight is not zero.
template <class R, class Hash>
class DistinctOperator {
 public:
  explicit DistinctOperator(const IndexLimits& limits) : weights_(limits) {}

  template <class Reader>
  void eval(Reader& in, Batch<R>& out) {
    for_each_ahead(
        in, ahead_, Hash(), [this](std::uint64_t hash) __attribute__((always_inline)) { weights_.prefetch(hash); },
        [this](const R& row, std::uint64_t hash, Weight weight) {
          auto* entry = weights_.insert(row, hash);
          const auto [marked, first] = weights_.mark(entry);
          if (first) marked->mark.weight = entry->payload;
          carries_.note(row, add_wrapping(entry->payload, weight));
          marked->written();
        });
    carries_.settle();
    weights_.drain_marks([&](const auto& marked) {
      const bool was = marked.mark.weight > 0;
      const bool is = marked.payload() > 0;
      const bool changed = was != is;
      if constexpr (kBitwise<R>) {
        out.push_back_if(changed, {marked.key(), is ? 1 : -1});
      } else if (changed) {
        out.push_back({marked.key(), is ? 1 : -1});
      }
    });
  }

  std::size_t bytes() const { return weights_.bytes(); }

  Segments& table() { return weights_; }
  auto capture(const SlotSet* changes_of) {
    return capture_table(weights_, changes_of, [](Encoder& out, Weight weight, const auto&) { out.zigzag(weight); });
  }
  void load(Decoder& in) {
    while (!in.at_end()) {
      const R row = row_traits<R>::decode(in);
      weights_.load(row, Hash()(row), [&in](auto& entry) { entry.payload = in.zigzag(); });
    }
  }

 private:
  struct Before {
    Weight weight = 0;
  };

  HashTable<R, Weight, Before, Hash> weights_;
  Carries<R> carries_;
  Lookahead<R> ahead_;
};

class Distinct : public Named<Distinct> {
 public:
  template <Expression E>
  [[gnu::cold]] auto apply(const E& in) const {
    using R = typename E::Row;
    Part part = this->part("distinct", in.label());
    part.state = reads::kRowsByOwner<E::kKeyed>;
    part.form = state_form::row_and_weights(derived::coding<R>(), 1);
    part.runs_user_code = false;
    part.bound = "the rows of " + in.label();
    part.schema = in.schema();
    part.properties = {
        .partitioning = reads::kOwner<E::kKeyed>, .append_only = in.properties().append_only, .consolidated = true};
    return add_part<StreamOf<E::kKeyed, R>>(
        in.flow(), std::move(part),
        [](const Site& site) { return DistinctOperator<R, OwnerHash<E::kKeyed>>(site.limits()); }, reads::by_owner(in));
  }
};

struct MakeDistinct : OperatorMaker {
  Distinct operator()() const { return {}; }
};

/// Each row of positive weight once. State: the weight of each row. O(1) per changed row.
inline constexpr MakeDistinct distinct{};

}  // namespace lockstep
