#pragma once

#include <boost/describe.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "kafka/formats/format.hpp"
#include "kafka/record.hpp"
#include "runtime/rows/shape.hpp"

namespace lockstep::kafka {

/// What a row is made of, of a whole record. Any thread.
template <class R>
class RecordFormat {
 public:
  virtual ~RecordFormat() = default;
  /// Throws FormatError.
  virtual R decode(const RecordView& record) const = 0;
};

/// A row that has all that a record has, so that equal values are told apart by their offsets: see record().
template <class V>
struct Record {
  V value = {};
  std::optional<std::string> key = {};
  std::chrono::sys_time<std::chrono::milliseconds> timestamp = {};
  std::string topic = {};
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers = {};

  BOOST_DESCRIBE_CLASS(Record, (), (value, key, timestamp, topic, partition, offset, headers), (), ())
};

/// A row is the record's value.
template <class R>
class ValueRecord final : public RecordFormat<R> {
 public:
  explicit ValueRecord(std::shared_ptr<const Format<R>> format) : format_(std::move(format)) {}
  R decode(const RecordView& record) const override {
    if (!record.value) throw FormatError("there is no value");
    return format_->decode(*record.value);
  }

 private:
  const std::shared_ptr<const Format<R>> format_;
};

template <class K, class V>
class KeyedRecord final : public RecordFormat<std::pair<K, V>> {
 public:
  KeyedRecord(std::shared_ptr<const Format<K>> key, std::shared_ptr<const Format<V>> value)
      : key_(std::move(key)), value_(std::move(value)) {}
  std::pair<K, V> decode(const RecordView& record) const override {
    if (!record.key) throw FormatError("there is no key");
    if (!record.value) throw FormatError("there is no value");
    return {key_->decode(*record.key), value_->decode(*record.value)};
  }

 private:
  const std::shared_ptr<const Format<K>> key_;
  const std::shared_ptr<const Format<V>> value_;
};

template <class V>
class WholeRecord final : public RecordFormat<Record<V>> {
 public:
  explicit WholeRecord(std::shared_ptr<const Format<V>> format) : format_(std::move(format)) {}
  Record<V> decode(const RecordView& record) const override {
    if (!record.value) throw FormatError("there is no value");
    Record<V> row;
    row.value = format_->decode(*record.value);
    if (record.key) row.key.emplace(*record.key);
    row.timestamp += std::chrono::milliseconds(record.timestamp);
    row.topic = record.topic;
    row.partition = record.partition;
    row.offset = record.offset;
    record.for_each_header([&row](std::string_view name, std::optional<std::string_view> value) {
      row.headers.emplace_back(name, value ? std::optional<std::string>(*value) : std::nullopt);
    });
    return row;
  }

 private:
  const std::shared_ptr<const Format<V>> format_;
};

/// Rows are pairs of a record's key and its value.
template <class KeyFormat, class ValueFormat>
struct Keyed {
  KeyFormat key;
  ValueFormat value;
  template <class R>
  std::shared_ptr<const RecordFormat<R>> of_record() const {
    static_assert(shape::is_instance<R, std::pair>, "lockstep: keyed() gives rows that are pairs of key and value");
    using K = typename R::first_type;
    using V = typename R::second_type;
    return std::make_shared<const KeyedRecord<K, V>>(key.template of<K>(), value.template of<V>());
  }
};
template <class KeyFormat, class ValueFormat>
Keyed<KeyFormat, ValueFormat> keyed(KeyFormat key, ValueFormat value) {
  return {std::move(key), std::move(value)};
}

/// Rows are Record<Value>.
template <class ValueFormat>
struct Whole {
  ValueFormat value;
  template <class R>
  std::shared_ptr<const RecordFormat<R>> of_record() const {
    static_assert(shape::is_instance<R, Record>, "lockstep: record() gives rows that are kafka::Record<Value>");
    using V = decltype(R::value);
    return std::make_shared<const WholeRecord<V>>(value.template of<V>());
  }
};
template <class ValueFormat>
Whole<ValueFormat> record(ValueFormat value) {
  return {std::move(value)};
}

/// Of what is given to read an input: how its rows are made of records.
template <class R, class Given>
std::shared_ptr<const RecordFormat<R>> record_format(const Given& given) {
  if constexpr (requires { given.template of_record<R>(); }) {
    return given.template of_record<R>();
  } else {
    return std::make_shared<const ValueRecord<R>>(given.template of<R>());
  }
}

}  // namespace lockstep::kafka
