#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "kafka/formats/format.hpp"
#include "kafka/formats/record_format.hpp"
#include "kafka/record.hpp"

namespace lockstep::kafka {

/// What a record does to a keyed table.
template <class R, class K>
struct TableChange {
  enum class Kind : std::uint8_t {
    nothing,
    upsert,
    erase,  // of the key, or of the key that the row has
    clear,  // all keys
  } kind = Kind::nothing;
  std::optional<R> row = {};
  std::optional<K> key = {};  // which has to be the row's, if both are there
};

/// How records say what keys have, of a table that reads them. Any thread.
template <class R, class K>
class TableFormat {
 public:
  virtual ~TableFormat() = default;
  /// Throws FormatError.
  virtual TableChange<R, K> decode(const RecordView& record) const = 0;
};

/// The same, of an output with one row a key, which writes them. Any thread.
template <class K, class V>
class ChangeFormat {
 public:
  virtual ~ChangeFormat() = default;
  /// What a key had, and has; null: nothing. At least one is there, and `before` only if it is looked at. Into a buffer
  /// that is clear. Throws FormatError.
  virtual void encode(RecordBuffer& out, const K& key, const V* before, const V* after) const = 0;
  virtual bool looks_at_before() const { return false; }
  /// Whether the record that says that a key has nothing is followed by one without a value, for topics that keep the
  /// last record of each key.
  virtual bool adds_tombstones() const { return false; }
};

template <class R, class K>
class UpsertedTable final : public TableFormat<R, K> {
 public:
  UpsertedTable(std::shared_ptr<const Format<K>> key, std::shared_ptr<const Format<R>> value, bool checks_keys)
      : key_(std::move(key)), value_(std::move(value)), checks_keys_(checks_keys) {}
  TableChange<R, K> decode(const RecordView& record) const override {
    using Kind = typename TableChange<R, K>::Kind;
    const bool looks_at_key = record.key && (checks_keys_ || !record.value);
    if (!record.key && !record.value) throw FormatError("there is neither a key nor a value");
    TableChange<R, K> change{.kind = record.value ? Kind::upsert : Kind::erase};
    if (looks_at_key) change.key = decode_key(*record.key);
    if (record.value) change.row = value_->decode(*record.value);
    return change;
  }

 private:
  K decode_key(std::string_view bytes) const {
    try {
      return key_->decode(bytes);
    } catch (const FormatError&) {
      rethrow_of("the key");
    }
  }

  const std::shared_ptr<const Format<K>> key_;
  const std::shared_ptr<const Format<R>> value_;
  const bool checks_keys_;
};

template <class K, class V>
class UpsertedOutput final : public ChangeFormat<K, V> {
 public:
  UpsertedOutput(std::shared_ptr<const Format<K>> key, std::shared_ptr<const Format<V>> value)
      : key_(std::move(key)), value_(std::move(value)) {}
  void encode(RecordBuffer& out, const K& key, const V*, const V* after) const override {
    out.set_key(*key_, key);
    if (after != nullptr) out.set_value(*value_, *after);
  }

 private:
  const std::shared_ptr<const Format<K>> key_;
  const std::shared_ptr<const Format<V>> value_;
};

/// A record has a key and what that has now; without a value, it has nothing any more. The key of a table's row is what
/// the table says: a record that has another one is refused, since one without a value could not take it back.
template <class KeyFormat, class ValueFormat>
struct Upsert {
  KeyFormat key;
  ValueFormat value;
  bool checks_keys = true;

  /// The record's key is looked at only where there is no value.
  Upsert with_any_keys() const { return {key, value, false}; }
  template <class R, class K>
  std::shared_ptr<const TableFormat<R, K>> of_table(const FormatContext& context) const {
    return std::make_shared<const UpsertedTable<R, K>>(make_format<K>(key, context.of_key()),
                                                       make_format<R>(value, context), checks_keys);
  }
  template <class K, class V>
  std::shared_ptr<const ChangeFormat<K, V>> of_changes(const FormatContext& context) const {
    return std::make_shared<const UpsertedOutput<K, V>>(make_format<K>(key, context.of_key()),
                                                        make_format<V>(value, context));
  }
};
template <class KeyFormat, class ValueFormat>
Upsert<KeyFormat, ValueFormat> upsert(KeyFormat key, ValueFormat value) {
  return {std::move(key), std::move(value)};
}

template <class Given, class R, class K>
concept IsTableFormat = requires(const Given& given, const FormatContext& context) {
  given.template of_table<R, K>(context);
};
template <class Given, class K, class V>
concept IsChangeFormat = requires(const Given& given, const FormatContext& context) {
  given.template of_changes<K, V>(context);
};

}  // namespace lockstep::kafka
