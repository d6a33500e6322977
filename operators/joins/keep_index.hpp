#pragma once

#include <utility>

#include "exchange/exchange.hpp"
#include "operators/stateless/chain.hpp"
#include "runtime/graph/lookahead.hpp"
#include "runtime/state/index.hpp"

namespace lockstep {

/// Keeps the index of a keyed stream up to date, before those who read both run. The index is of the state after the
/// delta. State: the rows.
template <class K, class V, class Reader>
class ArrangeNode final : public Node {
 public:
  using R = std::pair<K, V>;

  /// `out`: where the delta is to be found; null if the reader reads it where others do.
  ArrangeNode(const IndexLimits& limits, Reader reader, Edge<R>* out)
      : index_(limits), reader_(std::move(reader)), out_(out) {}

  Index<K, V>& index() { return index_; }

  void eval(Activation&) override {
    if constexpr (std::same_as<Reader, EdgeReader<R>>) {
      update(reader_.spans(), reader_.key_hashes());
      if (out_ != nullptr) {
        out_->borrow().assign(reader_.spans().begin(), reader_.spans().end());
        out_->send_borrowed();
      }
    } else {
      Collect<R>().eval(reader_, out_->fill());
      out_->send();
      update(out_->spans(), out_->key_hashes());
    }
    index_.settle();
    counters.state_bytes.store(index_.bytes(), std::memory_order_relaxed);
  }

  bool has_state() const override { return true; }
  void save(unsigned slot, Encoder& out) const override { index_.save(slot, out); }
  void load(Decoder& in) override {
    index_.load(in);
    counters.state_bytes.store(index_.bytes(), std::memory_order_relaxed);
  }

 private:
  void update(std::span<const std::span<const Weighted<R>>> spans, std::span<const std::uint64_t> hashes) {
    const std::uint64_t* next_hash = hashes.data();
    const auto apply = [this](const R& row, std::uint64_t hash, Weight weight) {
      index_.add(row.first, hash, row.second, weight);
    };
    const auto look = [this](const R&, std::uint64_t hash) __attribute__((always_inline)) {
      index_.prefetch_rows(hash);
    };
    for (std::span<const Weighted<R>> rows : spans) {
      NodeCounters::add(counters.rows_in, rows.size());
      for (const auto& [row, weight] : rows) {
        const std::uint64_t hash = *next_hash++;
        index_.prefetch(hash);
        ahead_.pass(row, hash, weight, apply, look);
      }
    }
    ahead_.finish(apply, look);
  }

  Index<K, V> index_;
  Reader reader_;
  Edge<R>* out_;
  Lookahead<R> ahead_;
};

/// The stream with an index that others can see (Assembly::view): one that its operator keeps anyway, or one
/// that it shares with all who index the same stream by the same key, or a new one.
template <Expression E>
KeyedStream<KeyOf<E>, ValueOf<E>> arranged(const E& in) {
  using K = KeyOf<E>;
  using V = ValueOf<E>;
  Description& flow = *in.flow();
  constexpr bool kIsStream = requires { in.edge(); };
  const auto signature = in.signature();
  if constexpr (kIsStream) {
    if (flow.indexed.contains(in.edge())) return in.stream();
  } else {
    if (signature) {
      const auto found = flow.keyed_alike.find(*signature);
      if (found != flow.keyed_alike.end()) return arranged(KeyedStream<K, V>(in.flow(), found->second));
    }
  }

  OperatorInfo info{.kind = "index",
                    .name = derived_name("index", in.label()),
                    .inputs = in.edges(),
                    .fused = in.fused(),
                    .state = "index of " + in.schema().to_string()};
  const auto make_node = [](Assembly& assembly, const OperatorInfo& self, EdgeId id, auto reader,
                            Edge<std::pair<K, V>>* out) {
    using Reader = decltype(reader);
    auto node = std::make_unique<ArrangeNode<K, V, Reader>>(assembly.limits(), reader, out);
    assembly.provide_view<K, V>(id, node->index());
    assembly.add_node(self, Assembly::level_of(reader), std::move(node), reader);
  };
  if constexpr (kIsStream) {
    const EdgeId edge = in.edge();
    OperatorInfo& added = flow.add_operator(std::move(info));
    added.build = [edge, id = added.id, make_node](Assembly& assembly) {
      make_node(assembly, assembly.info(id), edge, assembly.reader<std::pair<K, V>>(edge), nullptr);
    };
    flow.indexed.insert(edge);
    return in.stream();
  } else {
    Properties properties = in.properties();
    const bool routed = is_routed<route::ByKey>(properties);
    properties.partitioning = Partitioning::by_key;
    if (!routed) {
      info.exchanged_by = route::ByKey::kName;
      flow.transport = &Channels::make;
    }
    OperatorInfo& added = flow.add_operator(std::move(info));
    const EdgeId out = flow.add_edge(added, in.schema(), properties);
    added.build = [plan = in.plan(), out, id = added.id, routed, make_node](Assembly& assembly) {
      const auto place = [&](auto reader) {
        auto& edge = assembly.make_edge<std::pair<K, V>>(out, Assembly::level_of(reader));
        make_node(assembly, assembly.info(id), out, reader, &edge);
      };
      if (routed) {
        place(plan.bind(assembly));
      } else {
        exchanged<route::ByKey>(assembly, assembly.info(id), 0, plan.bind(assembly), place);
      }
    };
    flow.indexed.insert(out);
    if (signature) flow.keyed_alike[*signature] = out;
    return {in.flow(), out};
  }
}

}  // namespace lockstep
