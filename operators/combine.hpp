#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "exchange/exchange.hpp"
#include "operators/chain.hpp"
#include "operators/group_state.hpp"
#include "operators/key_cache.hpp"
#include "runtime/self_test.hpp"

namespace lockstep {

/// Turns rows into what their group needs of them.
template <bool kKeyedIn, class In, class K, class KeyFunction, class... A>
struct LiftLink {
  using Row = LiftedRow<K, A...>;
  static constexpr bool kKeyed = true;

  KeyFunction key_of;
  std::tuple<A...> aggregators;
  std::string name;

  template <class Sink>
  void pass(const In& row, Weight weight, Sink& sink) {
    K key = projection::guarded<kKeyedIn>(name, key_of, row);
    normalise(key);
    std::apply([&](A&... one) { sink(Row{std::move(key), {one.lift(name, row)...}}, weight); }, aggregators);
  }
};

/// Sends rows to the workers that own their keys, those of keys met before in the step added up: a hot key costs one
/// row for each worker, not one for each row. Where keys do not repeat, rows go as they are.
template <class Reader, class K, class... A>
class CombiningSender final : public Node {
 public:
  using Lifted = LiftedRow<K, A...>;
  using Partial = GroupPartial<K, A...>;

  CombiningSender(Reader reader, const LaneEnd<Lifted>& rows, const LaneEnd<Partial>& partials, Transport& transport,
                  unsigned worker, unsigned workers)
      : reader_(std::move(reader)),
        rows_(rows.lane),
        partials_(partials.lane),
        rows_number_(rows.number),
        partials_number_(partials.number),
        transport_(transport),
        worker_(worker),
        row_parcels_(workers),
        partial_parcels_(workers) {}

  void eval(Activation& activation) override {
    const auto workers = static_cast<unsigned>(row_parcels_.size());
    NodeCounters::add(counters.rows_in, reader_.size());
    tick_ = activation.tick;
    const auto send_row = [&](Lifted&& row, Weight weight) {
      const unsigned to = worker_of_slot(slot_of(row_traits<K>::hash(row.first)), workers);
      parcel(rows_, row_parcels_, to).push_back({std::move(row), weight});
    };
    if (reader_.size() < kManyRows) {
      reader_.for_each(send_row);
    } else {
      const auto combine = [this, finder = cache_.finder()](Lifted&& row, Weight weight) {
        const std::uint64_t code = Cache::code(row.first);
        if (Combined* combined = finder.find(row.first, code)) {
          reached(Place::cache_hit);
          if (!planted(Bug::cache_forgets_combined_rows)) combined->delta.add(row.second, weight);
          return true;
        }
        combine_new_key(std::move(row), code, weight);
        return false;
      };
      judge_.for_each(reader_, combine, send_row);
      cache_.end_step(send_partial());
    }
    for (unsigned to = 0; to < workers; ++to) {
      announce(to, rows_number_, row_parcels_[to]);
      announce(to, partials_number_, partial_parcels_[to]);
    }
  }

  bool has_state() const override { return false; }
  void save(unsigned, Encoder&) const override {}
  void load(Decoder&) override {}

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
    const auto workers = static_cast<unsigned>(row_parcels_.size());
    Combined combined{worker_of_slot(slot_of(Cache::hash(row.first, code)), workers), {}};
    combined.delta.add(row.second, weight);
    cache_.insert(row.first, code, std::move(combined), send_partial());
  }

  auto send_partial() {
    return [this](K& key, Combined& combined) {
      reached(Place::partial_sent);
      Partial partial{std::move(key), std::move(combined.delta)};
      parcel(partials_, partial_parcels_, combined.to).push_back({std::move(partial), 1});
    };
  }

  /// Touched when it is needed: its cache line was last at the receiver.
  template <class R>
  Batch<R>& parcel(Lane<R>& lane, std::vector<Batch<R>*>& parcels, unsigned to) {
    if (parcels[to] == nullptr) [[unlikely]]
      parcels[to] = &lane.parcel(worker_, to, tick_);
    return *parcels[to];
  }

  template <class R>
  void announce(unsigned to, std::uint32_t lane, Batch<R>*& parcel) {
    const Batch<R>* sent = std::exchange(parcel, nullptr);
    if (sent == nullptr) return;
    NodeCounters::add(counters.rows_out, sent->size());
    transport_.announce(worker_, to, lane);
  }

  Reader reader_;
  Lane<Lifted>& rows_;
  Lane<Partial>& partials_;
  const std::uint32_t rows_number_;
  const std::uint32_t partials_number_;
  Transport& transport_;
  const unsigned worker_;
  std::uint64_t tick_ = 0;                        // of this activation
  std::vector<Batch<Lifted>*> row_parcels_;       // by receiver, of this activation; null: nothing to send
  std::vector<Batch<Partial>*> partial_parcels_;  // likewise
  Cache cache_;
  CacheJudge judge_;
};

/// Like exchanged() by key, with rows combined on the way: `then` gets a reader of rows and one of partials.
template <class K, class... A, class Reader, class Then>
void combined(Assembly& assembly, const OperatorInfo& info, Reader reader, Then&& then) {
  if (!assembly.exchanges()) {
    then(std::move(reader));
    return;
  }
  using Sender = CombiningSender<Reader, K, A...>;
  using Lifted = typename Sender::Lifted;
  using Partial = typename Sender::Partial;
  const unsigned level = Assembly::level_of(reader);
  const LaneEnd<Lifted> rows = open_lane<Lifted>(assembly, info, 0, level);
  const LaneEnd<Partial> partials = open_lane<Partial>(assembly, info, 1, level);
  assembly.add_node(
      info, level,
      std::make_unique<Sender>(reader, rows, partials, *assembly.shared.transport, assembly.worker, assembly.workers()),
      reader);
  then(EdgeReader<Lifted>(rows.edge), EdgeReader<Partial>(partials.edge));
}

}  // namespace lockstep
