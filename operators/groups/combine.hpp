#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "exchange/reads.hpp"
#include "operators/groups/group_state.hpp"
#include "operators/groups/key_cache.hpp"

namespace lockstep {

/// Sends rows to the workers that own their keys, those of keys met before in the step added up: a hot key costs one
/// row for each worker, not one for each row, in however many pieces the rows come. Where keys do not repeat, rows go
/// as they are.
template <class Reader, class K, class... A>
class CombiningSender final : public Node {
 public:
  using Lifted = LiftedRow<K, A...>;
  using Partial = GroupPartial<K, A...>;

  CombiningSender(Reader reader, Outbox<Lifted> rows, Outbox<Partial> partials)
      : reader_(std::move(reader)), rows_(std::move(rows)), partials_(std::move(partials)) {
    takes_pieces_ = sends_ = true;
  }

  [[gnu::cold]] ~CombiningSender() override = default;

  void eval(Activation& activation) override {
    const unsigned workers = rows_.workers();
    NodeCounters::add(counters.rows_in, reader_.size());
    beat_ = activation.beat;
    const auto send_row = [&](Lifted&& row, Weight weight) {
      const unsigned to = worker_of_slot(slot_of(row_traits<K>::hash(row.first)), workers);
      rows_.parcel(to, beat_).push_back({std::move(row), weight});
    };
    if (reader_.size() < kManyRows) {
      reader_.for_each(send_row);
    } else {
      const auto combine = [this, finder = cache_.finder()](Lifted&& row, Weight weight) {
        const std::uint64_t code = Cache::code(row.first);
        if (Combined* combined = finder.find(row.first, code)) {
          combined->delta.add(row.second, weight);
          return true;
        }
        combine_new_key(std::move(row), code, weight);
        return false;
      };
      judge_.for_each(reader_, combine, send_row);
    }
    bool more_to_come = false;
    reader_.for_each_edge([&](const EdgeBase& edge) { more_to_come |= edge.more_to_come(); });
    if (!more_to_come) cache_.end_step(send_partial());
    NodeCounters::add(counters.rows_out, rows_.announce() + partials_.announce());
  }

 private:
  static constexpr std::size_t kManyRows = 16;

  /// The rows of a key added up, and the worker that owns it.
  struct Combined {
    unsigned to = 0;
    GroupDelta<A...> delta;
  };
  using Cache = KeyCache<K, Combined>;

  /// Out of line, as in GroupOperator.
  [[gnu::noinline]] void combine_new_key(Lifted row, std::uint64_t code, Weight weight) {
    Combined combined{worker_of_slot(slot_of(Cache::hash(row.first, code)), rows_.workers()), {}};
    combined.delta.add(row.second, weight);
    cache_.insert(row.first, code, std::move(combined), send_partial());
  }

  auto send_partial() {
    return [this](K& key, Combined& combined) {
      Partial partial{std::move(key), std::move(combined.delta)};
      partials_.parcel(combined.to, beat_).push_back({std::move(partial), 1});
    };
  }

  Reader reader_;
  Outbox<Lifted> rows_;
  Outbox<Partial> partials_;
  std::uint64_t beat_ = 0;  // of this activation
  Cache cache_;
  CacheJudge judge_;
};

namespace reads {

/// Rows by key, combined on the way: gives one reader in place, of rows; or else two, of rows and of partials.
template <class Plan, class K, class... A>
struct Combined {
  static constexpr unsigned kLanes = 2;
  Plan plan;
  bool exchanges;

  template <class Then>
  [[gnu::cold]] void bind(Assembly& assembly, const OperatorInfo& self, unsigned lane, Then&& then) const {
    auto reader = plan.bind(assembly);
    if (!exchanges || !assembly.exchanges()) return then(std::move(reader));
    using Sender = CombiningSender<decltype(reader), K, A...>;
    using Lifted = typename Sender::Lifted;
    using Partial = typename Sender::Partial;
    const unsigned level = Assembly::level_of(reader);
    const LaneEnds<Lifted> rows = open_lane<Lifted>(assembly, self, lane, level);
    const LaneEnds<Partial> partials = open_lane<Partial>(assembly, self, lane + 1, level);
    assembly.add_node(self, level, new Sender(reader, rows.outbox, partials.outbox), reader);
    then(EdgeReader<Lifted>(rows.edge), EdgeReader<Partial>(partials.edge));
  }
};

}  // namespace reads
}  // namespace lockstep
