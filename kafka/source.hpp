#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "kafka/client/properties.hpp"
#include "kafka/formats/format.hpp"
#include "kafka/formats/record_format.hpp"
#include "kafka/record.hpp"
#include "operators/inputs/input.hpp"
#include "operators/inputs/keyed_table.hpp"
#include "runtime/intake/session.hpp"

namespace lockstep::kafka {

/// Where a partition that has not been read before is read from.
struct Start {
  enum class Kind : std::uint8_t { earliest, latest, timestamp } kind = Kind::earliest;
  std::int64_t timestamp = 0;  // in milliseconds since 1970: the first record that is not before it
};

/// What becomes of a record that its format refuses.
enum class BadRecords : std::uint8_t {
  to_ledger,  // it is a row of its input's ledger
  fail,       // the application fails
};

struct SourceOptions {
  /// A partition that is found later is read from its beginning, whatever this says.
  Start start = {};
  BadRecords bad_records = BadRecords::to_ledger;
  /// Of an input with event time: a partition that has been read to its end, and got nothing for so long, is idle. 0:
  /// it holds the watermark back.
  std::chrono::milliseconds idle_after{0};
  /// Beside those of the application.
  Properties properties = {};
};

/// Takes the records of one partition into a session, batch by batch: the rows and rejects of one are one transaction,
/// with the cursor behind them. One thread at a time.
class Feed {
 public:
  Feed(std::shared_ptr<Session> session, BadRecords bad_records)
      : session_(std::move(session)), bad_records_(bad_records) {}
  virtual ~Feed() = default;

  Session& session() const { return *session_; }
  /// Throws KafkaError of a record that is refused, if that is to fail.
  void add(const RecordView& record);
  /// How much has been added since the last commit.
  std::size_t records() const { return records_; }
  std::size_t bytes() const { return bytes_; }
  /// Stages what was added, and moves the cursor. Waits for room.
  void commit(std::uint64_t cursor);
  /// Of an input with event time; of another one nothing.
  virtual void set_idle(bool idle) = 0;

 protected:
  virtual void begin(const Transaction& transaction) = 0;
  /// Throws FormatError.
  virtual void decode(const RecordView& record) = 0;
  virtual void reject(LedgerRow row) = 0;

 private:
  const std::shared_ptr<Session> session_;
  const BadRecords bad_records_;
  std::optional<Transaction> transaction_;
  std::size_t records_ = 0;
  std::size_t bytes_ = 0;
};

template <class Port>
class FeedOf : public Feed {
 public:
  using Feed::Feed;

 protected:
  void reject(LedgerRow row) override { port_->reject(std::move(row)); }
  static void set_idle_of(Port&& port, bool idle) { idle ? port.set_idle() : port.set_active(); }

  std::optional<Port> port_;  // of the transaction
};

/// Each record is a row.
template <class R>
class InputFeed final : public FeedOf<InputPort<R>> {
 public:
  InputFeed(std::shared_ptr<Session> session, BadRecords bad_records, Input<R> input,
            std::shared_ptr<const RecordFormat<R>> format)
      : FeedOf<InputPort<R>>(std::move(session), bad_records), input_(std::move(input)), format_(std::move(format)) {}

  void set_idle(bool idle) override {
    if (input_.is_dated()) this->set_idle_of(this->session()[input_], idle);
  }

 private:
  void begin(const Transaction& transaction) override { this->port_.emplace(transaction[input_]); }
  void decode(const RecordView& record) override { this->port_->push(format_->decode(record)); }

  const Input<R> input_;
  const std::shared_ptr<const RecordFormat<R>> format_;
};

/// Each record's value is its key's row now; no value: the key has none any more.
template <class R, class K, class KeyFunction>
class TableFeed final : public FeedOf<TablePort<R, K, KeyFunction>> {
 public:
  using Table = KeyedTable<R, K, KeyFunction>;

  TableFeed(std::shared_ptr<Session> session, BadRecords bad_records, Table table,
            std::shared_ptr<const Format<K>> key_format, std::shared_ptr<const Format<R>> format)
      : FeedOf<TablePort<R, K, KeyFunction>>(std::move(session), bad_records),
        table_(std::move(table)),
        key_format_(std::move(key_format)),
        format_(std::move(format)) {}

  void set_idle(bool idle) override {
    if (table_.is_dated()) this->set_idle_of(this->session()[table_], idle);
  }

 private:
  void begin(const Transaction& transaction) override { this->port_.emplace(transaction[table_]); }
  void decode(const RecordView& record) override {
    if (record.value) {
      this->port_->upsert(format_->decode(*record.value));
    } else if (record.key) {
      this->port_->erase(key_format_->decode(*record.key));
    } else {
      throw FormatError("there is neither a key nor a value");
    }
  }

  const Table table_;
  const std::shared_ptr<const Format<K>> key_format_;
  const std::shared_ptr<const Format<R>> format_;
};

}  // namespace lockstep::kafka
