#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "kafka/formats/format.hpp"
#include "kafka/record.hpp"
#include "runtime/rows/shape.hpp"
#include "runtime/zset/weights.hpp"

namespace lockstep::kafka {

/// A record that is made to be written; its strings are used again for the next.
struct RecordBuffer {
  bool has_key = false;
  bool has_value = false;
  std::string key;
  std::string value;
  std::int64_t timestamp = 0;
  Headers headers;

  void clear() {
    has_key = has_value = false;
    key.clear();
    value.clear();
    timestamp = 0;
    headers.clear();
  }
  template <class Format, class K>
  void set_key(const Format& format, const K& row) {
    has_key = true;
    format.encode(key, row);
  }
  template <class Format, class V>
  void set_value(const Format& format, const V& row) {
    has_value = true;
    format.encode(value, row);
  }
  NewRecord view(std::int32_t partition) const {
    return {.key = has_key ? std::optional<std::string_view>(key) : std::nullopt,
            .value = has_value ? std::optional<std::string_view>(value) : std::nullopt,
            .partition = partition,
            .timestamp = timestamp,
            .headers = &headers};
  }
};

/// What a row is of a whole record, and a record of a row. Any thread.
template <class R>
class RecordFormat {
 public:
  virtual ~RecordFormat() = default;
  /// Throws FormatError.
  virtual Weighted<R> decode(const RecordView& record) const = 0;
  /// Into a buffer that is clear. Throws FormatError.
  virtual void encode(RecordBuffer& out, const R& row, Weight weight) const = 0;
  /// Whether a record says how many rows go, or come; otherwise it is one that comes.
  virtual bool says_weights() const { return false; }
};

template <class T>
struct Present {
  using type = T;
};
template <shape::Optional T>
struct Present<T> {
  using type = typename T::value_type;
};

/// A key or a value, of records: one that is not there is an optional that is empty, or refused.
template <class T>
class Part {
  using Held = typename Present<T>::type;

 public:
  template <class Given>
  static Part of(const Given& given, const FormatContext& context) {
    return Part(make_format<Held>(given, context));
  }

  /// `what`: there is none of.
  T decode(const std::optional<std::string_view>& bytes, const char* what) const {
    if (bytes) return T(format_->decode(*bytes));
    if constexpr (shape::Optional<T>) {
      return std::nullopt;
    } else {
      throw FormatError(std::string("there is no ") + what);
    }
  }
  void encode(bool& is_there, std::string& out, const T& part) const {
    if constexpr (shape::Optional<T>) {
      is_there = part.has_value();
      if (is_there) format_->encode(out, *part);
    } else {
      is_there = true;
      format_->encode(out, part);
    }
  }

 private:
  explicit Part(std::shared_ptr<const Format<Held>> format) : format_(std::move(format)) {}

  const std::shared_ptr<const Format<Held>> format_;
};

/// A row is the record's value.
template <class R>
class ValueRecord final : public RecordFormat<R> {
 public:
  explicit ValueRecord(std::shared_ptr<const Format<R>> format) : format_(std::move(format)) {}
  Weighted<R> decode(const RecordView& record) const override {
    if (!record.value) throw FormatError("there is no value");
    return {format_->decode(*record.value), 1};
  }
  void encode(RecordBuffer& out, const R& row, Weight) const override { out.set_value(*format_, row); }

 private:
  const std::shared_ptr<const Format<R>> format_;
};

template <class K, class V>
class KeyedRecord final : public RecordFormat<std::pair<K, V>> {
 public:
  KeyedRecord(Part<K> key, Part<V> value) : key_(std::move(key)), value_(std::move(value)) {}
  Weighted<std::pair<K, V>> decode(const RecordView& record) const override {
    return {{key_.decode(record.key, "key"), value_.decode(record.value, "value")}, 1};
  }
  void encode(RecordBuffer& out, const std::pair<K, V>& row, Weight) const override {
    key_.encode(out.has_key, out.key, row.first);
    value_.encode(out.has_value, out.value, row.second);
  }

 private:
  const Part<K> key_;
  const Part<V> value_;
};

template <class V>
class WholeRecord final : public RecordFormat<Record<V>> {
 public:
  explicit WholeRecord(Part<V> value) : value_(std::move(value)) {}
  Weighted<Record<V>> decode(const RecordView& record) const override {
    Weighted<Record<V>> read{{}, 1};
    Record<V>& row = read.row;
    row.value = value_.decode(record.value, "value");
    row.key = owned(record.key);
    row.timestamp += std::chrono::milliseconds(record.timestamp);
    row.timestamp_kind = record.timestamp_kind;
    row.topic = record.topic;
    row.partition = record.partition;
    row.offset = record.offset;
    record.for_each_header([&row](std::string_view name, std::optional<std::string_view> value) {
      row.headers.emplace_back(name, owned(value));
    });
    return read;
  }
  void encode(RecordBuffer& out, const Record<V>& row, Weight) const override {
    value_.encode(out.has_value, out.value, row.value);
    if (row.key) {
      out.has_key = true;
      out.key = *row.key;
    }
    if (row.timestamp_kind != TimestampKind::none) out.timestamp = row.timestamp.time_since_epoch().count();
    out.headers = row.headers;
  }

 private:
  const Part<V> value_;
};

/// Rows are pairs of a record's key and its value; optional ones, if records may have none.
template <class KeyFormat, class ValueFormat>
struct Keyed {
  KeyFormat key;
  ValueFormat value;
  template <class R>
  std::shared_ptr<const RecordFormat<R>> of_record(const FormatContext& context) const {
    static_assert(shape::is_instance<R, std::pair>, "lockstep: keyed() is of rows that are pairs of key and value");
    using K = typename R::first_type;
    using V = typename R::second_type;
    return std::make_shared<const KeyedRecord<K, V>>(Part<K>::of(key, context.of_key()), Part<V>::of(value, context));
  }
};
template <class KeyFormat, class ValueFormat>
Keyed<KeyFormat, ValueFormat> keyed(KeyFormat key, ValueFormat value) {
  return {std::move(key), std::move(value)};
}

/// Rows are Record<Value>; of an optional value, if records may have none. What is written has the row's value, key,
/// headers and, unless its kind is none, timestamp.
template <class ValueFormat>
struct Whole {
  ValueFormat value;
  template <class R>
  std::shared_ptr<const RecordFormat<R>> of_record(const FormatContext& context) const {
    static_assert(shape::is_instance<R, Record>, "lockstep: record() is of rows that are kafka::Record<Value>");
    using V = decltype(R::value);
    return std::make_shared<const WholeRecord<V>>(Part<V>::of(value, context));
  }
};
template <class ValueFormat>
Whole<ValueFormat> record(ValueFormat value) {
  return {std::move(value)};
}

template <class Given, class R>
concept IsRecordFormat = requires(const Given& given, const FormatContext& context) {
  given.template of_record<R>(context);
};

/// Of what is given to read an input, or to write rows: how these are made of records, and records of them.
template <class R, class Given>
std::shared_ptr<const RecordFormat<R>> record_format(const Given& given, const FormatContext& context) {
  if constexpr (IsRecordFormat<Given, R>) {
    return given.template of_record<R>(context);
  } else {
    return std::make_shared<const ValueRecord<R>>(make_format<R>(given, context));
  }
}

}  // namespace lockstep::kafka
