#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "operators/inputs/port.hpp"
#include "operators/inputs/table_operation.hpp"
#include "runtime/flow/projection.hpp"
#include "runtime/rows/slots.hpp"

namespace lockstep {

template <class R, class K, class KeyFunction>
class KeyedTable;

/// Where a keyed table is changed, by one session. Operations on a key apply in the session's order, sessions that
/// meet on a key within a step in the order of their numbers. See InputPort for room and failures.
template <class R, class K, class KeyFunction>
class TablePort : public Port<Weighted<TableOperation<R, K>>> {
 public:
  TablePort(std::shared_ptr<Session> session, StageBase& stage, const KeyedTable<R, K, KeyFunction>& table)
      : Base(std::move(session), stage, table.id()), key_of_(table.key_of()) {}

  /// Adds a row; if its key is present, the row goes to the ledger.
  Ticket insert(R row) { return push_row(std::move(row), Operation::Kind::insert); }
  /// Puts a row in the place of what its key had, if anything. Refused only for its event time, if the table has that.
  Ticket upsert(R row) { return push_row(std::move(row), Operation::Kind::upsert); }
  /// Removes a key's row; if there is none, the key goes to the ledger.
  Ticket erase(K key) { return put_key(std::move(key), Operation::Kind::erase); }
  /// Removes a key's row, if there is one. Refused only for the row's event time, if the table has that.
  Ticket erase_if_present(K key) { return put_key(std::move(key), Operation::Kind::erase_if_present); }

  /// Removes the rows of all keys, whoever has put them there: those that are there when it is applied, at its place
  /// among the session's operations. No step shows a part of it. It counts as 1,024 operations.
  Ticket clear() {
    static_assert(std::default_initializable<K>, "lockstep: to clear a table, its keys need a default constructor");
    Stage<Weighted<Operation>> gathered(this->stage_->pools());
    for (; gathered.position < kSlots; ++gathered.position) {
      Operation operation{K(), std::nullopt,     Operation::Kind::clear, static_cast<std::uint16_t>(gathered.position),
                          0,   gathered.position};
      gathered.items.grow_and_push_back({std::move(operation), 1}, kSlots - gathered.position);
    }
    return *Base::put_all(gathered, kSlots * sizeof(Weighted<Operation>), Room::wait);
  }

  /// There is no such thing: it does not compile, and says so.
  template <bool kCompiles = false>
  void push(const AnyFields&) {
    static_assert(
        kCompiles,
        "lockstep: a table is changed by insert(row), upsert(row) and erase(key); rows are pushed into inputs");
  }

 private:
  using Base = Port<Weighted<TableOperation<R, K>>>;
  using typename Base::Room;
  using Operation = TableOperation<R, K>;

  Ticket put_key(K key, typename Operation::Kind kind) {
    normalise(key);
    return put(std::move(key), std::nullopt, kind, kNoTimestamp);
  }

  Ticket push_row(R row, typename Operation::Kind kind) {
    normalise(row);
    KeyFunction key_of = key_of_;  // threads may share a port
    K key = projection::apply<false>(key_of, std::as_const(row));
    normalise(key);
    const Timestamp timestamp = this->timestamp(row);
    if (std::string refusal = this->refusal_of_time(row, timestamp); !refusal.empty()) [[unlikely]] {
      const Weighted<Operation> item{{std::move(key), std::move(row), kind, 0, 0, 0}, 1};
      return *Base::reject(refused(item, std::move(refusal), timestamp), Room::wait);
    }
    return put(std::move(key), std::move(row), kind, timestamp);
  }

  Ticket put(K key, std::optional<R> row, typename Operation::Kind kind, Timestamp timestamp) {
    const auto number = [](auto& item, std::uint64_t position, std::uint64_t session) {
      item.row.position = position;
      item.row.session = session;
    };
    Weighted<Operation> item{{std::move(key), std::move(row), kind, 0, 0, 0}, 1};
    return this->is_dated() ? *Base::put_dated(std::move(item), timestamp, Room::wait, number)
                            : *Base::put(std::move(item), Room::wait, number);
  }

  KeyFunction key_of_;
};

}  // namespace lockstep
