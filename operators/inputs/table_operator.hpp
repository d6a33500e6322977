#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exchange/reads.hpp"
#include "operators/inputs/table_operation.hpp"
#include "runtime/intake/ledger_row.hpp"
#include "runtime/state/captured_table.hpp"
#include "runtime/state/hash_table.hpp"
#include "runtime/state/index.hpp"
#include "runtime/zset/slice.hpp"

namespace lockstep {

namespace route {
/// Operations on one key go where the key is, in their order.
struct ByOperationKey {
  static constexpr const char* kName = "key";
  static constexpr bool kKeepsOrder = true;
  template <class Operation>
  unsigned operator()(const Operation& operation, unsigned workers) const {
    using K = std::remove_cvref_t<decltype(operation.key)>;
    if (operation.kind == Operation::Kind::clear) [[unlikely]]
      return worker_of_slot(operation.slot, workers);
    return worker_of_slot(slot_of(row_traits<K>::hash(operation.key)), workers);
  }
};
}  // namespace route

/// Applies operations in order, key by key, and lets out what has changed in the end. Serves as an index of its stream.
/// State: the row of each key.
template <class R, class K>
class TableOperator final : public IndexView<K, R> {
 public:
  using Operation = TableOperation<R, K>;

  /// `event_time`: null if its input has none.
  TableOperator(const IndexLimits& limits, Edge<LedgerRow>& rejects, std::shared_ptr<const EventTime<R>> event_time)
      : rows_(limits), rejects_(&rejects), event_time_(std::move(event_time)) {}

  template <class Reader>
  void eval(Reader& in, Batch<std::pair<K, R>>& out) {
    Batch<LedgerRow>& rejects = rejects_->fill();
    const auto apply = [&](const Operation& operation, Weight weight) {
      auto* entry = rows_.insert(operation.key, row_traits<K>::hash(operation.key));
      const auto [marked, first] = rows_.mark(entry);
      if (first) marked->mark.before = entry->payload;
      const bool present = entry->payload.has_value();
      const auto refuse = [&](std::string reason) {
        const Timestamp timestamp = event_time_ && operation.row ? event_time_->of(*operation.row) : kNoTimestamp;
        rejects.push_back({refused(Weighted<Operation>{operation, weight}, std::move(reason), timestamp), 1});
      };
      if (operation.kind == Operation::Kind::insert && present) {
        refuse("insert of a key that is present");
      } else if (operation.kind == Operation::Kind::erase && !present) {
        refuse("erase of a key that is absent");
      } else if (operation.kind == Operation::Kind::erase_if_present && !present) {
        return;
      } else if (present && is_late(entry->payload->row, operation)) {
        refuse(late_reason(operation.watermark) + ", and the row of the key is dated before it");
      } else {
        row_bytes_ -= bytes_of(entry->payload);
        entry->payload.reset();
        if (operation.row) entry->payload.emplace(Weighted<R>{*operation.row, 1});
        row_bytes_ += bytes_of(entry->payload);
        marked->written();
      }
    };
    in.for_each([&](const Operation& operation, Weight weight) {
      operation.kind == Operation::Kind::clear ? clear(operation, weight, apply) : apply(operation, weight);
    });
    rows_.drain_marks([&](const auto& marked) {
      const Held& before = marked.mark.before;
      const Held& after = marked.payload();
      const bool same = before && after ? row_traits<R>::equal(before->row, after->row) : !before && !after;
      if (!same) {
        if (before) out.push_back({{marked.key(), before->row}, -1});
        if (after) out.push_back({{marked.key(), after->row}, 1});
      }
    });
    rejects_->send();
  }

  void probe(Slice<const K* const> keys, Slice<const std::uint64_t> hashes, Slice<Match<R>> matches,
             Batch<R>&) const override {
    for (const std::uint64_t hash : hashes) rows_.prefetch(hash);
    for (std::size_t i = 0; i < keys.size(); ++i) matches[i] = find(*keys[i], hashes[i]);
  }
  Match<R> find(const K& key, std::uint64_t hash, Batch<R>&) const override { return find(key, hash); }

  void for_each(FunctionRef<void(const K&, const R&, Weight)> function) const override {
    rows_.for_each_in({}, [&](const auto& entry, const auto&) { function(entry.key, entry.payload->row, 1); });
  }
  [[gnu::cold]] std::unique_ptr<const IndexView<K, R>> pin_view() override {
    return std::unique_ptr<const IndexView<K, R>>(new TableOperator(*rejects_, rows_.pin()));
  }

  std::size_t bytes() const { return rows_.bytes() + row_bytes_; }
  Segments& table() { return rows_; }
  auto capture(const SlotSet* changes_of) {
    return capture_table(rows_, changes_of, [](Encoder& out, const Held& held, const auto&) {
      out.byte(held ? 1 : 0);
      if (held) row_traits<R>::encode(out, held->row);
    });
  }
  void load(Decoder& in) {
    while (!in.at_end()) {
      const K key = row_traits<K>::decode(in);
      const bool is_there = derived::decode_flag(in);
      rows_.load(key, row_traits<K>::hash(key), [this, &in, is_there](auto& entry) {
        row_bytes_ -= bytes_of(entry.payload);
        entry.payload.reset();
        if (is_there) entry.payload.emplace(Weighted<R>{row_traits<R>::decode(in), 1});
        row_bytes_ += bytes_of(entry.payload);
      });
    }
  }

 private:
  using Held = std::optional<Weighted<R>>;  // with its weight, 1, so that probes can show it where it lies
  struct Mark {
    Held before;
  };

  using Rows = HashTable<K, Held, Mark>;

  /// Erases each key that has a row, as an operation on it would.
  template <class Apply>
  [[gnu::cold, gnu::noinline]] void clear(const Operation& operation, Weight weight, Apply& apply) {
    std::vector<K> keys;
    rows_.for_each_in({operation.slot, operation.slot + 1U}, [&keys](const auto& entry, const auto&) {
      if (entry.payload) keys.push_back(entry.key);
    });
    for (const K& key : keys) {
      Operation one = operation;
      one.key = key;
      one.kind = Operation::Kind::erase;
      apply(one, weight);
    }
  }

  Match<R> find(const K& key, std::uint64_t hash) const {
    const auto* entry = rows_.find(key, hash);
    if (entry == nullptr || !entry->payload) return {};
    return {{&*entry->payload, 1}, nullptr};
  }

  TableOperator(Edge<LedgerRow>& rejects, Rows&& rows) : rows_(std::move(rows)), rejects_(&rejects) {}

  /// Whether a row is dated before the watermark of the session that would change it.
  bool is_late(const R& row, const Operation& operation) const {
    return event_time_ != nullptr && event_time_->of(row) < operation.watermark;
  }

  static std::size_t bytes_of(const Held& held) { return held ? heap_bytes(held->row) : 0; }

  Rows rows_;
  std::size_t row_bytes_ = 0;  // of rows on the heap
  Edge<LedgerRow>* rejects_;
  std::shared_ptr<const EventTime<R>> event_time_;
};

}  // namespace lockstep
