#pragma once

#include <array>
#include <optional>
#include <tuple>
#include <utility>

#include "operators/groups/group_state.hpp"
#include "operators/groups/kept_rows.hpp"
#include "operators/groups/key_cache.hpp"
#include "runtime/graph/edge.hpp"
#include "runtime/graph/lookahead.hpp"
#include "runtime/state/captured_table.hpp"
#include "runtime/state/hash_table.hpp"
#include "runtime/state/index.hpp"
#include "runtime/zset/batch.hpp"
#include "runtime/zset/carries.hpp"
#include "runtime/zset/slice.hpp"

namespace lockstep {

/// The groups whose keys this worker owns. A step notes the result of each group that it touches before it changes it,
/// and lets out the difference: Δout[k] = f(state[k] + Δ[k]) − f(state[k]). Serves as an index of its stream. State:
/// for each group, its total and its aggregates' states.
template <bool kKeepKey, class K, class... A>
class GroupOperator final : public IndexView<K, GroupResult<A...>> {
 public:
  static_assert(((LinearAggregator<A> || KeepingAggregator<A>)&&...));
  using Result = GroupResult<A...>;
  using OutRow = std::conditional_t<kKeepKey, std::pair<K, Result>, Result>;
  using Lifted = LiftedRow<K, A...>;
  using Delta = GroupDelta<A...>;
  using State = GroupState<A...>;
  /// Whether rows can be combined before they are here.
  static constexpr bool kCombines = !State::kAnyKeepsRows;

  GroupOperator(const IndexLimits& limits, const Pack<A...>& aggregators, bool append_only)
      : limits_(limits), append_only_(append_only), shared_(aggregators, !append_only), groups_(limits) {}

  template <class Reader>
  void eval(Reader& rows, Batch<OutRow>& out) {
    take_rows(rows);
    finish(out);
  }

  template <class Reader, class PartialReader>
  void eval(Reader& rows, PartialReader& partials, Batch<OutRow>& out) {
    take_rows(rows);
    partials.for_each([this](const GroupPartial<K, A...>& partial, Weight) {
      apply(mark(groups_.insert(partial.first, row_traits<K>::hash(partial.first))), partial.delta);
    });
    finish(out);
  }

  void probe(Slice<const K* const> keys, Slice<const std::uint64_t> hashes, Slice<Match<Result>> matches,
             Batch<Result>& made) const override {
    if (keys.size() > 1) {
      for (const std::uint64_t hash : hashes) groups_.prefetch(hash);
    }
    made.clear();
    made.reserve(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) matches[i] = show(*keys[i], hashes[i], made);
  }
  Match<Result> find(const K& key, std::uint64_t hash, Batch<Result>& made) const override {
    return show(key, hash, made);
  }

  void for_each(FunctionRef<void(const K&, const Result&, Weight)> function) const override {
    groups_.for_each_in({}, [&](const Entry& entry, const Segment&) {
      if (entry.payload.total == 0) return;
      function(entry.key, result(entry.payload, [&] { return row_traits<K>::hash(entry.key); }), 1);
    });
  }
  [[gnu::cold]] std::unique_ptr<const IndexView<K, Result>> pin_view() override {
    return std::unique_ptr<const IndexView<K, Result>>(new GroupOperator(*this, groups_.pin()));
  }

  std::size_t bytes() const { return groups_.bytes() + large_bytes_; }

  Segments& table() { return groups_; }
  auto capture(const SlotSet* changes_of) {
    return capture_table(groups_, changes_of, [](Encoder& out, const State& group, const Segment& segment) {
      out.zigzag(group.total);
      each([&]<std::size_t i, class One>() {
        const auto& state = item<i>(group.states);
        if constexpr (One::kKeepsRows) {
          out.varint(state.size());
          state.for_each(segment, [&](const typename One::Lifted& row, Weight weight) {
            row_traits<typename One::Lifted>::encode(out, row);
            out.zigzag(weight);
          });
        } else {
          One::encode(out, state);
        }
      });
    });
  }

  void load(Decoder& in) {
    while (!in.at_end()) {
      const K key = row_traits<K>::decode(in);
      groups_.load(
          key, row_traits<K>::hash(key), [this](Entry& entry) { unload(entry); },
          [this, &in](Entry& entry) { load(in, entry); });
    }
  }

 private:
  struct Mark {
    std::optional<Result> before;  // the step
  };
  using Groups = HashTable<K, State, Mark>;
  using Entry = typename Groups::Entry;
  using Segment = typename Groups::Segment;
  using Marked = typename Groups::Marked;

  /// A key that is met again and again: its rows are gathered here first.
  struct HotKey {
    std::uint32_t place = 0;  // among the marked groups
    bool met_again = false;
    Delta delta;
  };
  using Cache = KeyCache<K, HotKey>;

  GroupOperator(const GroupOperator& other, Groups&& groups)
      : limits_(other.limits_), append_only_(other.append_only_), shared_(other.shared_), groups_(std::move(groups)) {}

  /// Up to so many rows there is nothing to gain from looking ahead.
  static constexpr std::size_t kFewRows = 4;
  /// Below so many rows the cache is not worth looking at.
  static constexpr std::size_t kManyRows = 64;

  template <class Function>
  static void each(Function&& function) {
    [&]<std::size_t... i>(std::index_sequence<i...>) { (function.template operator()<i, A>(), ...); }
    (std::index_sequence_for<A...>());
  }

  Marked& mark(Entry* entry) {
    const auto [marked, first] = groups_.mark(entry);
    if (first && entry->payload.total != 0) {
      marked->mark.before.emplace(result(entry->payload, [entry] { return row_traits<K>::hash(entry->key); }));
    }
    return *marked;
  }

  void apply(Marked& marked, const Delta& delta) {
    change(marked, [&](State& state, auto&& carried) { state.apply(delta, carried); });
  }
  template <class Function>
  void change(Marked& marked, Function&& function) {
    State& state = marked.entry->payload;
    large_bytes_ -= heap_bytes(state);
    function(state, [&](std::size_t sum, Int128 carry) {
      sum_carries_.note({marked.key(), static_cast<std::uint32_t>(sum)}, carry);
    });
    large_bytes_ += heap_bytes(state);
    marked.written();
  }
  void load(Decoder& in, Entry& entry) {
    auto& segment = groups_.segment(row_traits<K>::hash(entry.key));
    const std::size_t capacity_before = segment.arena_capacity();
    entry.payload.total = in.zigzag();
    each([&]<std::size_t i, class One>() {
      auto& state = item<i>(entry.payload.states);
      if constexpr (One::kKeepsRows) {
        for (std::uint64_t rows = in.varint(); rows != 0; --rows) {
          const auto row = row_traits<typename One::Lifted>::decode(in);
          state.add(segment, limits_, row, in.zigzag(), large_bytes_);
        }
      } else {
        state = One::decode(in);
        large_bytes_ += One::heap_bytes(state);
      }
    });
    groups_.account(segment, capacity_before);
  }
  /// Before the entry is loaded again: leaves no rows, and nothing outside of the table.
  void unload(Entry& entry) {
    auto& segment = groups_.segment(row_traits<K>::hash(entry.key));
    const std::size_t capacity_before = segment.arena_capacity();
    large_bytes_ -= heap_bytes(entry.payload);
    each([&]<std::size_t i, class One>() {
      if constexpr (One::kKeepsRows) item<i>(entry.payload.states).clear(segment, large_bytes_);
    });
    groups_.account(segment, capacity_before);
  }

  static std::size_t heap_bytes(const State& state) {
    std::size_t bytes = 0;
    each([&]<std::size_t i, class One>() {
      if constexpr (!One::kKeepsRows) bytes += One::heap_bytes(item<i>(state.states));
    });
    return bytes;
  }

  template <class Reader>
  void take_rows(Reader& in) {
    const std::size_t rows = in.size();
    if constexpr (std::same_as<K, std::tuple<>> && kCombines) {
      if (rows == 0) return;
      Delta delta;
      in.for_each([&delta](auto&& row, Weight weight) { delta.add(row.second, weight); });
      apply(mark(groups_.insert({}, row_traits<K>::hash({}))), delta);
    } else if (rows <= kFewRows) {
      in.for_each([this](auto&& row, Weight weight) { take(row, row_traits<K>::hash(row.first), weight); });
    } else {
      take_many_rows(in, rows);
    }
  }

  template <class Reader>
  void take_many_rows(Reader& in, std::size_t rows) {
    /// As a reader gives it: rows of an edge stay where they are.
    using Row = std::conditional_t<std::same_as<Reader, EdgeReader<Lifted>>, const Lifted&, Lifted>;
    const auto pass = [this](auto&& row, Weight weight) {
      const std::uint64_t hash = row_traits<K>::hash(row.first);
      groups_.prefetch(hash);
      ahead_.pass(static_cast<Row&&>(row), hash, weight, taker(), look_for_rows());
    };
    if constexpr (kCombines) {
      if (rows >= kManyRows) {
        const auto gather = [this, finder = cache_.finder()](auto&& row, Weight weight) {
          const std::uint64_t code = Cache::code(row.first);
          if (HotKey* hot = finder.find(row.first, code)) {
            hot->met_again = true;
            hot->delta.add(row.second, weight);
            return true;
          }
          const std::uint64_t hash = Cache::hash(row.first, code);
          take_new_key<Row>(static_cast<Row&&>(row), hash, weight);
          return false;
        };
        judge_.for_each(in, gather, pass);
        ahead_.finish(taker());
        cache_.end_step(forget());
        return;
      }
    }
    in.for_each(pass);
    ahead_.finish(taker(), look_for_rows());
  }

  /// Out of line, so that the loop over keys that are met again has all registers to itself.
  template <class Row>
  [[gnu::noinline]] void take_new_key(Row row, std::uint64_t hash, Weight weight) {
    const auto take_and_remember = [this](const Lifted& taken, std::uint64_t its_hash, Weight its_weight) {
      const std::uint32_t place = take(taken, its_hash, its_weight);
      const std::uint64_t code = Cache::code(taken.first);
      if (cache_.finder().find(taken.first, code) == nullptr)
        cache_.insert(taken.first, code, HotKey{place, false, {}}, forget());
    };
    if (judge_.mostly_hits()) {
      take_and_remember(row, hash, weight);
    } else {
      groups_.prefetch(hash);
      ahead_.pass(static_cast<Row&&>(row), hash, weight, take_and_remember);
    }
  }

  auto taker() {
    return [this](const Lifted& row, std::uint64_t hash, Weight weight) { take(row, hash, weight); };
  }
  auto forget() {
    return [this](const K&, const HotKey& hot) {
      if (hot.met_again) apply(groups_.marks()[hot.place], hot.delta);
    };
  }

  auto look_for_rows() const {
    if constexpr (State::kAnyKeepsRows) {
      return [this](const Lifted& row, std::uint64_t hash) __attribute__((always_inline)) {
        if (const Entry* entry = groups_.find(row.first, hash)) entry->payload.prefetch(groups_.segment(hash));
      };
    } else {
      return NoLook{};
    }
  }

  /// Returns the group's place among the marked.
  std::uint32_t take(const Lifted& row, std::uint64_t hash, Weight weight) {
    Entry* entry = groups_.insert(row.first, hash);
    change(mark(entry), [&](State& state, auto&& carried) { state.add(row.second, weight, carried); });
    if constexpr (State::kAnyKeepsRows) {
      if (weight != 0) take_into_kept(*entry, row, hash, weight);
    }
    return groups_.marks().place_of(*entry);
  }

  void take_into_kept(Entry& entry, const Lifted& row, std::uint64_t hash, Weight weight) {
    Segment& segment = groups_.segment(hash);
    const std::size_t capacity_before = segment.arena_capacity();
    each([&]<std::size_t i, class One>() {
      if constexpr (One::kKeepsRows) {
        const auto& lifted = item<i>(row.second);
        if (!shared_.keeps(i) || !One::takes_part(lifted)) return;
        auto& group = item<i>(entry.payload.states);
        if constexpr (One::kBestSuffices) {
          if (append_only_) return keep_best<One>(group, segment, lifted);
        }
        const int carry = group.add(segment, limits_, lifted, weight, large_bytes_);
        if (carry != 0) [[unlikely]]
          item<i>(carries_).note({entry.key, lifted}, carry);
      }
    });
    groups_.account(segment, capacity_before);
  }

  template <class One>
  void keep_best(typename One::State& group, Segment& segment, const typename One::Lifted& lifted) {
    if (!group.empty()) {
      const typename One::Lifted kept = group.first(segment);
      if (!One::supersedes(lifted, kept)) return;
      group.add(segment, limits_, kept, -1, large_bytes_);
    }
    group.add(segment, limits_, lifted, 1, large_bytes_);
  }

  void finish(Batch<OutRow>& out) {
    each([&]<std::size_t i, class One>() {
      if constexpr (One::kKeepsRows) item<i>(carries_).settle();
    });
    sum_carries_.settle([](const auto& key_and_sum) {
      throw_overflow(State::kOverflows[key_and_sum.second], to_string(key_and_sum.first));
    });
    groups_.drain_marks([&](Marked& marked) {
      try {
        finish_group(marked, out);
      } catch (const OverflowError&) {
        throw RowError({}, to_string(marked.key()), std::current_exception());
      }
    });
  }

  void finish_group(Marked& marked, Batch<OutRow>& out) {
    const State& state = marked.payload();
    std::optional<Result>& before = marked.mark.before;
    std::optional<Result> after;
    if (state.total != 0) after.emplace(result(state, [&] { return row_traits<K>::hash(marked.key()); }));
    if (before && after && row_traits<Result>::equal(*before, *after)) return;
    out.prefetch_ahead();
    if (before) emit(out, marked.key(), std::move(*before), -1);
    if (after) emit(out, marked.key(), std::move(*after), 1);
  }

  static void emit(Batch<OutRow>& out, const K& key, Result&& result, Weight weight) {
    if constexpr (kKeepKey) {
      out.push_back({{key, std::move(result)}, weight});
    } else {
      out.push_back({std::move(result), weight});
    }
  }

  /// `hash` gives the hash of the group's key, if that is needed.
  /// Its result is made there.
  [[gnu::always_inline]] Match<Result> show(const K& key, std::uint64_t hash, Batch<Result>& made) const {
    const auto* entry = groups_.find(key, hash);
    if (entry == nullptr || entry->payload.total == 0) return {};
    made.push_back({result(entry->payload, [hash] { return hash; }), 1});
    return {{&made.back(), 1}, nullptr};
  }

  template <class HashOf>
  Result result(const State& state, HashOf&& hash) const {
    const auto one_result = [&]<std::size_t i, class One>() -> typename One::Result {
      if constexpr (One::kKeepsRows) {
        return One::result(shared_.template of<i>(state.states), groups_.segment(hash()));
      } else {
        return One::result(item<i>(state.states), state.total);
      }
    };
    return [&]<std::size_t... i>(std::index_sequence<i...>) {
      return Result{one_result.template operator()<i, A>()...};
    }
    (std::index_sequence_for<A...>());
  }

  template <class One>
  struct CarriesOf {
    using type = Nothing;
  };
  template <class One>
  requires One::kKeepsRows struct CarriesOf<One> {
    using type = Carries<std::pair<K, typename One::Lifted>>;
  };

  IndexLimits limits_;
  bool append_only_;
  KeptRows<A...> shared_;
  Groups groups_;
  std::size_t large_bytes_ = 0;  // what states hold outside of the table
  Pack<typename CarriesOf<A>::type...> carries_;
  Carries<std::pair<K, std::uint32_t>> sum_carries_;  // of a group's i-th sum, the total being the first
  Cache cache_;
  CacheJudge judge_;
  Lookahead<Lifted> ahead_;
};

}  // namespace lockstep
