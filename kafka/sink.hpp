#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kafka/formats/record_format.hpp"
#include "kafka/formats/table_format.hpp"
#include "kafka/properties.hpp"
#include "kafka/record.hpp"
#include "runtime/rows/traits.hpp"
#include "runtime/steps/output_name.hpp"
#include "runtime/steps/step.hpp"

namespace lockstep::kafka {

/// Where the records of a topic go that is written.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  virtual std::int32_t partitions() const = 0;
  /// In the order of the calls, as far as they go to one partition.
  virtual void write(const NewRecord& record) = 0;
};

[[noreturn]] void throw_no_partition(std::int32_t partition, std::int32_t partitions);

/// `Row`: of outputs whose keys are told what they have, the key; else the row.
template <class Row>
struct SinkOptions {
  /// To which of so many partitions a record goes. None: by the hash of the record's key, as the Java client does it;
  /// without a key, to any. A function of nothing but the row.
  std::function<std::int32_t(const Row& row, std::int32_t partitions)> partition = {};
  /// Adds to the headers of a record.
  std::function<void(const Row& row, Headers& headers)> headers = {};
  /// Which of the clusters; empty: that of the application.
  std::string cluster = {};
  /// Beside those of the cluster, such as `compression.type`, `acks`, `linger.ms`.
  Properties properties = {};
};

/// Writes what changed in an output in a step. One thread at a time.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual void write(const Step& step, RecordSink& to) = 0;
};

/// The same. What is thrown by a format, or by a user's function, names the output, its topic and the step. Throws
/// KafkaError.
void write(Writer& writer, const Step& step, RecordSink& to, std::string_view output, std::string_view topic);

template <class Row>
class RecordWriter : public Writer {
 public:
  explicit RecordWriter(const SinkOptions<Row>& options) : options_(options) {}

 protected:
  RecordBuffer& cleared() {
    record_.clear();
    return record_;
  }
  /// The record that has been made.
  void send(const Row& row, RecordSink& to) {
    const std::size_t own = record_.headers.size();
    if (options_.headers) options_.headers(row, record_.headers);
    to.write(record_.view(options_.partition ? chosen(row, to.partitions()) : -1));
    record_.headers.resize(own);
  }

 private:
  std::int32_t chosen(const Row& row, std::int32_t partitions) const {
    const std::int32_t partition = options_.partition(row, partitions);
    if (partition < 0 || partition >= partitions) throw_no_partition(partition, partitions);
    return partition;
  }

  const SinkOptions<Row> options_;
  RecordBuffer record_;
};

/// A record for each row that comes; or, if the format says weights, for each that comes or goes.
template <class R>
class RowWriter final : public RecordWriter<R> {
 public:
  RowWriter(Output<R> output, std::shared_ptr<const RecordFormat<R>> format, const SinkOptions<R>& options)
      : RecordWriter<R>(options), output_(std::move(output)), format_(std::move(format)) {}

  void write(const Step& step, RecordSink& to) override {
    const bool says_weights = format_->says_weights();
    for (const auto& [row, weight] : step[output_]) {
      format_->encode(this->cleared(), row, weight);
      for (Weight copies = says_weights ? 1 : weight; copies > 0; --copies) this->send(row, to);
    }
  }

 private:
  const Output<R> output_;
  const std::shared_ptr<const RecordFormat<R>> format_;
};

/// A record for each key that has changed, which says what it has now.
template <class K, class V>
class ChangeWriter final : public RecordWriter<K> {
 public:
  ChangeWriter(KeyedOutput<K, V> output, std::shared_ptr<const ChangeFormat<K, V>> format,
               const SinkOptions<K>& options)
      : RecordWriter<K>(options), output_(std::move(output)), format_(std::move(format)) {}

  void write(const Step& step, RecordSink& to) override {
    const auto delta = step[output_];
    // A key's old row and its new one stand in one delta, anywhere.
    bool any_old = false;
    for (const auto& [row, weight] : delta) any_old |= weight < 0;
    if (!any_old) {
      for (const auto& [row, weight] : delta) write(row.first, nullptr, &row.second, to);
      return;
    }
    const bool looks_at_before = format_->looks_at_before();
    keys_.assign(std::bit_ceil(2 * delta.size()), {});
    for (const auto& [row, weight] : delta) {
      if (weight > 0) {
        find(row.first).has_new = true;
      } else if (looks_at_before) {
        find(row.first).before = &row.second;
      }
    }
    for (const auto& [row, weight] : delta) {
      if (weight > 0) {
        write(row.first, looks_at_before ? find(row.first).before : nullptr, &row.second, to);
      } else if (!find(row.first).has_new) {
        write(row.first, &row.second, nullptr, to);
      }
    }
  }

 private:
  struct Changed {
    const K* key = nullptr;
    const V* before = nullptr;
    bool has_new = false;
  };

  Changed& find(const K& key) {
    std::size_t at = row_traits<K>::hash(key);
    for (;; ++at) {
      Changed& place = keys_[at & (keys_.size() - 1)];
      if (place.key == nullptr) place.key = &key;
      if (row_traits<K>::equal(*place.key, key)) return place;
    }
  }
  void write(const K& key, const V* before, const V* after, RecordSink& to) {
    RecordBuffer& record = this->cleared();
    format_->encode(record, key, before, after);
    this->send(key, to);
    if (after != nullptr || !format_->adds_tombstones()) return;
    record.has_value = false;
    this->send(key, to);
  }

  const KeyedOutput<K, V> output_;
  const std::shared_ptr<const ChangeFormat<K, V>> format_;
  std::vector<Changed> keys_;
};

}  // namespace lockstep::kafka
