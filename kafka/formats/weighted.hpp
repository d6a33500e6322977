#pragma once

#include <boost/describe.hpp>
#include <memory>
#include <utility>

#include "kafka/formats/record_format.hpp"
#include "runtime/rows/shape.hpp"
#include "runtime/zset/weights.hpp"

namespace lockstep::kafka {

/// What is written of a row that comes or goes: see weighted().
template <class R>
struct WeightedRow {
  Weight weight = 0;
  R row = {};
  BOOST_DESCRIBE_CLASS(WeightedRow, (), (weight, row), (), ())
};

/// `Inner`: the format of records whose values are weighted rows.
template <class R>
class WeightedValue final : public RecordFormat<R> {
 public:
  explicit WeightedValue(std::shared_ptr<const RecordFormat<WeightedRow<R>>> inner) : inner_(std::move(inner)) {}
  Weighted<R> decode(const RecordView& record) const override {
    WeightedRow<R> read = inner_->decode(record).row;
    return {std::move(read.row), read.weight};
  }
  void encode(RecordBuffer& out, const R& row, Weight weight) const override { inner_->encode(out, {weight, row}, 1); }
  bool says_weights() const override { return true; }

 private:
  const std::shared_ptr<const RecordFormat<WeightedRow<R>>> inner_;
};

template <class K, class V>
class WeightedPair final : public RecordFormat<std::pair<K, V>> {
 public:
  using Inner = RecordFormat<std::pair<K, WeightedRow<V>>>;
  explicit WeightedPair(std::shared_ptr<const Inner> inner) : inner_(std::move(inner)) {}
  Weighted<std::pair<K, V>> decode(const RecordView& record) const override {
    auto [key, value] = inner_->decode(record).row;
    return {{std::move(key), std::move(value.row)}, value.weight};
  }
  void encode(RecordBuffer& out, const std::pair<K, V>& row, Weight weight) const override {
    inner_->encode(out, {row.first, {weight, row.second}}, 1);
  }
  bool says_weights() const override { return true; }

 private:
  const std::shared_ptr<const Inner> inner_;
};

/// Each record says how many of its row come, or go: its value is a struct of `weight` and `row`, in JSON
/// `{"weight":-1,"row":{...}}`, in CSV a first field. What is read and written so is any Z-set.
template <class Given>
struct WeightedRecords {
  Given given;
  template <class R>
  std::shared_ptr<const RecordFormat<R>> of_record(const FormatContext& context) const {
    if constexpr (shape::is_instance<Given, Keyed>) {
      static_assert(shape::is_instance<R, std::pair>, "lockstep: keyed() is of rows that are pairs of key and value");
      using K = typename R::first_type;
      using V = typename R::second_type;
      return std::make_shared<const WeightedPair<K, V>>(
          given.template of_record<std::pair<K, WeightedRow<V>>>(context));
    } else {
      return std::make_shared<const WeightedValue<R>>(record_format<WeightedRow<R>>(given, context));
    }
  }
};
template <class Given>
WeightedRecords<Given> weighted(Given given) {
  return {std::move(given)};
}

}  // namespace lockstep::kafka
