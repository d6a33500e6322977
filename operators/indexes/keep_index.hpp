#pragma once

#include <utility>

#include "exchange/reads.hpp"
#include "operators/stateless/collect.hpp"
#include "runtime/flow/names.hpp"
#include "runtime/graph/lookahead.hpp"
#include "runtime/graph/node.hpp"
#include "runtime/state/index.hpp"
#include "runtime/state/state_form.hpp"
#include "runtime/zset/slice.hpp"

namespace lockstep {

/// Keeps the index of a keyed stream up to date, before those who read both run. The index is of the state after the
/// delta. State: the rows.
template <class K, class V>
class IndexOperator {
 public:
  using R = std::pair<K, V>;

  explicit IndexOperator(const IndexLimits& limits) : index_(limits) {}

  Index<K, V>& view() { return index_; }

  /// Of an edge, whose readers find the delta there.
  void eval(EdgeReader<R>& in) {
    update(in.spans(), in.key_hashes());
    index_.settle();
  }
  /// Of what was sent here: lent on, where it lies.
  void eval(EdgeReader<R>& in, Edge<R>& out) {
    const auto spans = in.spans();
    out.borrow().append(spans.data(), spans.data() + spans.size());
    out.send_borrowed();
    eval(in);
  }
  /// Of a chain, whose rows are gathered first.
  template <class Reader>
  void eval(Reader& in, Edge<R>& out) {
    Collect<R>().eval(in, out.fill());
    out.send();
    update(out.spans(), out.key_hashes());
    index_.settle();
  }

  std::size_t bytes() const { return index_.bytes(); }
  Segments& table() { return index_.table(); }
  auto capture(const SlotSet* changes_of) { return index_.capture(changes_of); }
  void load(Decoder& in) { index_.load(in); }

 private:
  void update(Slice<const Slice<const Weighted<R>>> spans, Slice<const std::uint64_t> hashes) {
    const std::uint64_t* next_hash = hashes.data();
    const auto apply = [this](const R& row, std::uint64_t hash, Weight weight) {
      index_.add(row.first, hash, row.second, weight);
    };
    const auto look = [this](const R&, std::uint64_t hash) __attribute__((always_inline)) {
      index_.prefetch_rows(hash);
    };
    for (Slice<const Weighted<R>> rows : spans) {
      for (const auto& [row, weight] : rows) {
        const std::uint64_t hash = *next_hash++;
        index_.prefetch(hash);
        ahead_.pass(row, hash, weight, apply, look);
      }
    }
    ahead_.finish(apply, look);
  }

  Index<K, V> index_;
  Lookahead<R> ahead_;
};

/// Whether index_of() would find one.
template <Expression E>
[[gnu::cold]] bool has_index(const E& in) {
  const Description& flow = *in.flow();
  if constexpr (requires { in.edge(); }) {
    return flow.is_indexed(in.edge());
  } else {
    const auto signature = in.signature();
    const EdgeId* const found = signature ? flow.keyed_alike(*signature) : nullptr;
    return found != nullptr && flow.is_indexed(*found);
  }
}

/// The stream with an index that others can see (Site::view): one that its operator keeps anyway, or one that it
/// shares with all who index the same stream by the same key, or a new one.
template <Expression E>
[[gnu::cold]] KeyedStream<KeyOf<E>, ValueOf<E>> index_of(const E& in) {
  using K = KeyOf<E>;
  using V = ValueOf<E>;
  constexpr bool kIsStream = requires { in.edge(); };
  Description& flow = *in.flow();
  const auto signature = in.signature();
  if constexpr (kIsStream) {
    if (flow.is_indexed(in.edge())) return in.stream();
  } else if (signature) {
    if (const EdgeId* found = flow.keyed_alike(*signature)) return index_of(KeyedStream<K, V>(in.flow(), *found));
  }

  Part part("index", derived_name("index", in.label()));
  part.state = "rows by key";
  part.form = state_form::rows_of_key(derived::coding<K>(), derived::coding<V>());
  part.runs_user_code = false;
  part.gives_what_it_reads = true;
  part.bound = "the rows of " + in.label();
  part.schema = in.schema();
  part.properties = in.properties();
  part.properties.partitioning = Partitioning::by_key;
  const auto make = [](const Site& site) { return IndexOperator<K, V>(site.limits()); };
  if constexpr (kIsStream) {
    add_sink(flow, std::move(part), make, reads::in_place(in));
    return in.stream();
  } else {
    auto stream = add_part<KeyedStream<K, V>>(in.flow(), std::move(part), make, reads::by_key(in));
    if (signature) flow.set_keyed_alike(*signature, stream.edge());
    return stream;
  }
}

}  // namespace lockstep
