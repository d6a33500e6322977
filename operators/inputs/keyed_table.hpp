#pragma once

#include <array>
#include <optional>
#include <type_traits>
#include <utility>

#include "exchange/exchange.hpp"
#include "operators/inputs/input.hpp"
#include "runtime/flow/projection.hpp"
#include "runtime/state/hash_table.hpp"
#include "runtime/state/index.hpp"

namespace lockstep {

/// What is done to one key of a keyed table.
template <class R, class K>
struct TableOperation {
  enum class Kind : std::uint8_t { insert, upsert, erase };
  K key;
  std::optional<R> row;  // none: erase
  Kind kind;
  std::uint64_t session;
  std::uint64_t position;
};

template <class R, class K>
inline constexpr bool knows_position<Weighted<TableOperation<R, K>>> = true;

namespace route {
/// Operations on one key go where the key is, in their order.
struct ByOperationKey {
  static constexpr const char* kName = "key";
  static constexpr bool kKeepsOrder = true;
  template <class Operation>
  unsigned operator()(const Operation& operation, unsigned workers) const {
    using K = std::remove_cvref_t<decltype(operation.key)>;
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

  TableOperator(const IndexLimits& limits, Edge<LedgerRow>& rejects) : rows_(limits), rejects_(&rejects) {}

  template <class Reader>
  void eval(Reader& in, Batch<std::pair<K, R>>& out) {
    Batch<LedgerRow>& rejects = rejects_->fill();
    in.for_each([&](const Operation& operation, Weight) {
      auto* entry = rows_.insert(operation.key, row_traits<K>::hash(operation.key));
      const auto [marked, first] = rows_.marks().mark(entry);
      if (first) marked->mark.before = entry->payload;
      const bool present = entry->payload.has_value();
      if (operation.kind == Operation::Kind::insert && present) {
        rejects.push_back({refusal(operation, "insert of a key that is present", to_string(*operation.row), 1), 1});
      } else if (operation.kind == Operation::Kind::erase && !present) {
        rejects.push_back({refusal(operation, "erase of a key that is absent", to_string(operation.key), -1), 1});
      } else {
        entry->payload.reset();
        if (operation.row) entry->payload.emplace(Weighted<R>{*operation.row, 1});
        marked->written();
      }
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

  void probe(std::span<const K* const> keys, std::span<const std::uint64_t> hashes, std::span<Match<R>> matches,
             Batch<R>&) const override {
    for (const std::uint64_t hash : hashes) rows_.prefetch(hash);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto* entry = rows_.find(*keys[i], hashes[i]);
      matches[i] = entry == nullptr || !entry->payload ? Match<R>{} : Match<R>{{&*entry->payload, 1}, nullptr};
    }
  }

  std::size_t bytes() const { return rows_.bytes(); }
  void save(unsigned slot, Encoder& out) const {
    rows_.for_each_with_prefix(slot, kSlotBits, [&](const auto& entry, const auto&) {
      out.byte(0);  // a row may have no bytes
      row_traits<K>::encode(out, entry.key);
      row_traits<R>::encode(out, entry.payload->row);
    });
  }
  void load(Decoder& in) {
    while (!in.at_end()) {
      derived::decode_nothing(in);
      const K key = row_traits<K>::decode(in);
      rows_.insert(key, row_traits<K>::hash(key))->payload.emplace(Weighted<R>{row_traits<R>::decode(in), 1});
    }
  }

 private:
  using Held = std::optional<Weighted<R>>;  // with its weight, 1, so that probes can show it where it lies
  struct Mark {
    Held before;
  };

  static LedgerRow refusal(const Operation& operation, const char* reason, std::string row, Weight weight) {
    return {.reason = reason,
            .session = operation.session,
            .position = operation.position,
            .event_time = {},
            .row = std::move(row),
            .weight = weight};
  }

  HashTable<K, Held, Mark> rows_;
  Edge<LedgerRow>* rejects_;
};

template <class R, class K, class KeyFunction>
class TablePort;

/// A keyed table input: a keyed stream of (key, row) with at most one row per key, and the name under which
/// it is changed.
template <class R, class K, class KeyFunction>
class KeyedTable : public KeyedStream<K, R> {
 public:
  using Port = TablePort<R, K, KeyFunction>;

  KeyedTable(KeyedStream<K, R> stream, InputId id, KeyFunction key_of)
      : KeyedStream<K, R>(std::move(stream)), id_(id), key_of_(std::move(key_of)) {}

  InputId id() const { return id_; }
  const std::string& name() const { return this->flow()->inputs[id_].name; }
  const KeyFunction& key_of() const { return key_of_; }

 private:
  InputId id_;
  KeyFunction key_of_;
};

/// Where a keyed table is changed, by one session. Operations on a key apply in the session's order, sessions that
/// meet on a key within a step in the order of their numbers. See InputPort for room and failures.
template <class R, class K, class KeyFunction>
class TablePort : public Port<Weighted<TableOperation<R, K>>> {
 public:
  TablePort(std::shared_ptr<Session> session, StageBase& stage, const KeyedTable<R, K, KeyFunction>& table)
      : Base(std::move(session), stage, table.id()), key_of_(table.key_of()) {}

  /// Adds a row; if its key is present, the row goes to the ledger.
  Ticket insert(R row) { return push_row(std::move(row), Operation::Kind::insert); }
  /// Puts a row in the place of what its key had, if anything. Never refused.
  Ticket upsert(R row) { return push_row(std::move(row), Operation::Kind::upsert); }
  /// Removes a key's row; if there is none, the key goes to the ledger.
  Ticket erase(K key) {
    normalise(key);
    return push(std::move(key), std::nullopt, Operation::Kind::erase);
  }

 private:
  using Base = Port<Weighted<TableOperation<R, K>>>;
  using typename Base::Room;
  using Operation = TableOperation<R, K>;

  Ticket push_row(R row, typename Operation::Kind kind) {
    normalise(row);
    KeyFunction key_of = key_of_;  // threads may share a port
    K key = projection::apply<false>(key_of, std::as_const(row));
    normalise(key);
    return push(std::move(key), std::move(row), kind);
  }

  Ticket push(K key, std::optional<R> row, typename Operation::Kind kind) {
    return *Base::put({Operation{std::move(key), std::move(row), kind, 0, 0}, 1}, Room::wait,
                      [](auto& item, std::uint64_t position, std::uint64_t session) {
                        item.row.position = position;
                        item.row.session = session;
                      });
  }

  KeyFunction key_of_;
};

template <class R, class KeyFunction>
auto Dataflow::table(std::string name, KeyFunction key_of) {
  using K = projection::Result<false, KeyFunction, R>;
  using Operation = TableOperation<R, K>;
  Description& flow = *description_;
  const InputEdges edges = add_input<Operation>(flow, name, row_traits<R>::schema(), {});
  flow.transport = &Channels::make;
  OperatorInfo& added = flow.add_operator({.kind = "table",
                                           .name = derived_name("table", name),
                                           .inputs = {edges.rows},
                                           .exchanged_by = route::ByOperationKey::kName,
                                           .state = "rows by " + projection::name(key_of)});
  const EdgeId out = flow.add_edge(added, row_traits<std::pair<K, R>>::schema(),
                                   {.partitioning = Partitioning::by_key, .unique_by_key = true, .consolidated = true});
  const EdgeId rejects = flow.add_side_edge(added, "refused operations of " + name, ledger_schema(),
                                            {.partitioning = Partitioning::colocated, .append_only = true});
  added.build = [id = added.id, edges, out, rejects](Assembly& assembly) {
    exchanged<route::ByOperationKey>(
        assembly, assembly.info(id), 0, assembly.reader<Operation>(edges.rows), [&](auto reader) {
          const unsigned level = Assembly::level_of(reader);
          auto& rejected = assembly.make_edge<LedgerRow>(rejects, level);
          auto& op = assembly.add(assembly.info(id), TableOperator<R, K>(assembly.limits(), rejected),
                                  assembly.make_edge<std::pair<K, R>>(out, level), reader);
          assembly.provide_view<K, R>(out, op);
        });
  };
  flow.indexed.insert(out);
  flow.inputs[edges.input].ledger = add_ledger(description_, name, edges.rejects, rejects);
  return KeyedTable<R, K, KeyFunction>(KeyedStream<K, R>(description_, out), edges.input, std::move(key_of));
}

}  // namespace lockstep
