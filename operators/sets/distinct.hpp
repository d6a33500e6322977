#pragma once

#include "exchange/exchange.hpp"
#include "operators/stateless/chain.hpp"
#include "runtime/graph/lookahead.hpp"
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
          const auto [marked, first] = weights_.marks().mark(entry);
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

  void save(unsigned slot, Encoder& out) const {
    weights_.for_each_with_prefix(slot, kSlotBits, [&](const auto& entry, const auto&) {
      row_traits<R>::encode(out, entry.key);
      out.zigzag(entry.payload);
    });
  }
  void load(Decoder& in) {
    while (!in.at_end()) {
      const R row = row_traits<R>::decode(in);
      weights_.insert(row, Hash()(row))->payload = in.zigzag();
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
  auto apply(const E& in) const {
    using R = typename E::Row;
    using Route = std::conditional_t<E::kKeyed, route::ByKey, route::ByRow>;
    OperatorInfo info{.kind = "distinct",
                      .name = name_or("distinct", in.label()),
                      .state = std::string("rows by ") + (E::kKeyed ? "key" : "row")};
    const Properties before = in.properties();
    const Properties properties{.partitioning = E::kKeyed ? Partitioning::by_key : Partitioning::by_row,
                                .append_only = before.append_only,
                                .consolidated = true,
                                .step_dependent = before.step_dependent};
    const EdgeId edge = add_exchanged<Route, R>(in, std::move(info), in.schema(), properties, [](Assembly& a, EdgeId) {
      return DistinctOperator<R, std::conditional_t<E::kKeyed, KeyedRowHash, RowHash>>(a.limits());
    });
    return StreamOf<E::kKeyed, R>(in.flow(), edge);
  }
};

/// Each row of positive weight once. State: the weight of each row. O(1) per changed row.
inline Distinct distinct() { return {}; }

}  // namespace lockstep
