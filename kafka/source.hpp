#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kafka/dead_letters.hpp"
#include "kafka/formats/record_format.hpp"
#include "kafka/formats/table_format.hpp"
#include "kafka/properties.hpp"
#include "kafka/record.hpp"
#include "operators/inputs/input.hpp"
#include "operators/inputs/keyed_table.hpp"
#include "runtime/intake/session.hpp"

namespace lockstep::kafka {

/// Which topics are read.
struct Topics {
  std::string name;
  /// Of a pattern: whether a topic's name matches. None: it is one topic, of this name.
  std::function<bool(const std::string& topic)> matches = {};

  Topics(std::string topic) : name(std::move(topic)) {}  // NOLINT: a name is what is mostly given
  Topics(const char* topic) : name(topic) {}             // NOLINT

  bool is_pattern() const { return matches != nullptr; }
  bool has(const std::string& topic) const { return is_pattern() ? matches(topic) : topic == name; }
  /// For a format that is used in them.
  FormatContext context(const Properties& formats) const {
    return {.topic = is_pattern() ? std::string() : name, .properties = formats};
  }
};
/// All topics whose names match all of a regular expression (ECMAScript), those that come later too. Throws FlowError
/// if it is none.
Topics pattern(const std::string& expression);

/// Where a partition that has not been read before is read from.
class Start {
 public:
  using Time = std::chrono::sys_time<std::chrono::milliseconds>;
  using Offsets = std::vector<std::pair<TopicPartition, std::int64_t>>;
  enum class Kind : std::uint8_t { earliest, latest, time, committed, offsets };

  static Start earliest() { return Start(); }
  static Start latest() { return Start(Kind::latest); }
  /// The first record that is not dated before; if there is none, the end.
  static Start at(Time since) {
    Start start(Kind::time);
    start.since_ = since;
    return start;
  }
  /// Where a consumer group, such as an application that is replaced, has come to; where it has not been, the earliest.
  static Start committed(std::string group) {
    Start start(Kind::committed);
    start.group_ = std::move(group);
    return start;
  }
  /// Partitions that are not named: the earliest.
  static Start at(Offsets offsets) {
    Start start(Kind::offsets);
    start.offsets_ = std::move(offsets);
    return start;
  }

  Start() : Start(Kind::earliest) {}
  Kind kind() const { return kind_; }
  Time since() const { return since_; }
  const std::string& group() const { return group_; }
  const Offsets& offsets() const { return offsets_; }

 private:
  explicit Start(Kind kind) : kind_(kind) {}

  Kind kind_;
  Time since_;
  std::string group_;
  Offsets offsets_;
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
  /// A topic where records that are refused go as they are, with headers that say why, and from where:
  /// `lockstep.reason`, `lockstep.topic`, `lockstep.partition`, `lockstep.offset`. Empty: they are in the ledger alone.
  std::string dead_letters = {};
  /// Of an input with event time: a partition that has been read to its end, and got nothing for so long, is idle. 0:
  /// it holds the watermark back.
  std::chrono::milliseconds idle_after{0};
  /// Which of the clusters; empty: that of the application.
  std::string cluster = {};
  /// Beside those of the cluster.
  Properties properties = {};
};

/// What a feed does with what its format refuses.
struct Refusals {
  BadRecords bad_records = BadRecords::to_ledger;
  DeadLetters* dead_letters = nullptr;  // null: there is no topic of them
  /// Gets what is refused, and why, for logs; null: nobody does. Any thread.
  const std::function<void(const std::string&)>* on_refused = nullptr;
};

/// What the sessions of a source are called, before `topic[partition]`.
inline std::string session_prefix(const std::string& input, const std::string& cluster) {
  return input + "/" + (cluster.empty() ? "" : cluster + ":");
}

/// Takes the records of one partition into a session, batch by batch: the rows and rejects of one are one transaction,
/// with the cursor behind them. One thread at a time.
class Feed {
 public:
  Feed(std::shared_ptr<Session> session, Refusals refusals) : session_(std::move(session)), refusals_(refusals) {}
  virtual ~Feed() = default;

  Session& session() const { return *session_; }
  /// Throws KafkaError of a record that is refused, if that is to fail.
  void add(const RecordView& record);
  /// How much has been added since the last commit; bytes of the stage, about.
  std::size_t records() const { return records_; }
  std::size_t bytes() const { return bytes_; }
  /// How many of all that were added were refused.
  std::uint64_t refused() const { return refused_; }
  /// Stages what was added, and moves the cursor, with its mark. Waits for room.
  void commit(std::uint64_t cursor, std::uint64_t mark);
  /// Of an input with event time; of another one nothing.
  virtual void set_idle(bool idle) = 0;

 protected:
  virtual void begin(const Transaction& transaction) = 0;
  /// Throws FormatError.
  virtual void decode(const RecordView& record) = 0;
  virtual void reject(LedgerRow row) = 0;

  /// Has bytes() be exact now.
  void note_bytes() { bytes_ = transaction_->bytes(); }

 private:
  std::optional<std::string> refusal_of(const RecordView& record);
  void refuse(const RecordView& record, const std::string& reason);

  const std::shared_ptr<Session> session_;
  const Refusals refusals_;
  std::optional<Transaction> transaction_;
  std::size_t records_ = 0;
  std::size_t bytes_ = 0;
  std::size_t unlooked_ = 0;  // of records since the last look
  std::uint64_t refused_ = 0;
};

using MakeFeed = std::function<std::unique_ptr<Feed>(std::shared_ptr<Session>, Refusals)>;

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
  InputFeed(std::shared_ptr<Session> session, Refusals refusals, Input<R> input,
            std::shared_ptr<const RecordFormat<R>> format)
      : FeedOf<InputPort<R>>(std::move(session), refusals), input_(std::move(input)), format_(std::move(format)) {}

  void set_idle(bool idle) override {
    if (input_.is_dated()) this->set_idle_of(this->session()[input_], idle);
  }

 private:
  void begin(const Transaction& transaction) override { this->port_.emplace(transaction[input_]); }
  void decode(const RecordView& record) override { this->port_->push_weighted(format_->decode(record)); }

  const Input<R> input_;
  const std::shared_ptr<const RecordFormat<R>> format_;
};

/// Each record is a change of the table.
template <class R, class K, class KeyFunction>
class TableFeed final : public FeedOf<TablePort<R, K, KeyFunction>> {
 public:
  using Table = KeyedTable<R, K, KeyFunction>;

  TableFeed(std::shared_ptr<Session> session, Refusals refusals, Table table,
            std::shared_ptr<const TableFormat<R, K>> format)
      : FeedOf<TablePort<R, K, KeyFunction>>(std::move(session), refusals),
        table_(std::move(table)),
        format_(std::move(format)) {}

  void set_idle(bool idle) override {
    if (table_.is_dated()) this->set_idle_of(this->session()[table_], idle);
  }

 private:
  void begin(const Transaction& transaction) override { this->port_.emplace(transaction[table_]); }
  void decode(const RecordView& record) override {
    using Kind = typename TableChange<R, K>::Kind;
    TableChange<R, K> change = format_->decode(record);
    if (change.key && change.row && !row_traits<K>::equal(*change.key, key_of(*change.row))) {
      throw FormatError("the record's key is not that of its row");
    }
    switch (change.kind) {
      case Kind::nothing: break;
      case Kind::upsert: this->port_->upsert(*std::move(change.row)); break;
      // What says that a key is gone may come twice, or when what it had has been compacted away.
      case Kind::erase: this->port_->erase_if_present(change.key ? *std::move(change.key) : key_of(*change.row)); break;
      case Kind::clear:
        this->port_->clear();
        this->note_bytes();
        break;
    }
  }
  K key_of(const R& row) const {
    KeyFunction key_of = table_.key_of();
    return projection::apply<false>(key_of, row);
  }

  const Table table_;
  const std::shared_ptr<const TableFormat<R, K>> format_;
};

}  // namespace lockstep::kafka
