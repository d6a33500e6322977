#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kafka/client/producer.hpp"
#include "kafka/formats/format.hpp"
#include "runtime/rows/traits.hpp"
#include "runtime/steps/output_name.hpp"
#include "runtime/steps/step.hpp"

namespace lockstep::kafka {

/// Writes what changed in an output in a step. One thread at a time.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual void write(const Step& step, Producer& producer, std::size_t topic) = 0;
};

/// Each row that came is a record; of an output of which none ever goes.
template <class R>
class AppendWriter final : public Writer {
 public:
  AppendWriter(Output<R> output, std::shared_ptr<const Format<R>> format)
      : output_(std::move(output)), format_(std::move(format)) {}

  void write(const Step& step, Producer& producer, std::size_t topic) override {
    for (const auto& [row, weight] : step[output_]) {
      value_.clear();
      format_->encode(value_, row);
      for (Weight copy = 0; copy < weight; ++copy) producer.produce(topic, std::nullopt, value_);
    }
  }

 private:
  const Output<R> output_;
  const std::shared_ptr<const Format<R>> format_;
  std::string value_;
};

/// One record for each key that has changed: its value now, or no value if it has none any more.
template <class K, class V>
class UpsertWriter final : public Writer {
 public:
  UpsertWriter(KeyedOutput<K, V> output, std::shared_ptr<const Format<K>> key_format,
               std::shared_ptr<const Format<V>> format)
      : output_(std::move(output)), key_format_(std::move(key_format)), format_(std::move(format)) {}

  void write(const Step& step, Producer& producer, std::size_t topic) override {
    const auto delta = step[output_];
    // A key's old row and its new one stand in one delta: where there is a new one, the old one says nothing.
    bool any_old = false;
    for (const auto& [row, weight] : delta) any_old |= weight < 0;
    if (any_old) keys_.assign(std::bit_ceil(2 * delta.size()), nullptr);
    for (const auto& [row, weight] : delta) {
      if (weight < 0) continue;
      if (any_old) *find(row.first) = &row.first;
      value_.clear();
      format_->encode(value_, row.second);
      producer.produce(topic, encoded(row.first), value_);
    }
    if (!any_old) return;
    for (const auto& [row, weight] : delta) {
      if (weight < 0 && *find(row.first) == nullptr) producer.produce(topic, encoded(row.first), std::nullopt);
    }
  }

 private:
  /// Where the key is among those that have a new row, or would be.
  const K** find(const K& key) {
    std::size_t at = row_traits<K>::hash(key);
    for (;; ++at) {
      const K*& place = keys_[at & (keys_.size() - 1)];
      if (place == nullptr || row_traits<K>::equal(*place, key)) return &place;
    }
  }
  const std::string& encoded(const K& key) {
    key_.clear();
    key_format_->encode(key_, key);
    return key_;
  }

  const KeyedOutput<K, V> output_;
  const std::shared_ptr<const Format<K>> key_format_;
  const std::shared_ptr<const Format<V>> format_;
  std::string key_;
  std::string value_;
  std::vector<const K*> keys_;
};

}  // namespace lockstep::kafka
