#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/faults/errors.hpp"
#include "runtime/rows/slots.hpp"
#include "runtime/rows/traits.hpp"
#include "runtime/state/index.hpp"
#include "runtime/steps/output_name.hpp"
#include "runtime/zset/batch.hpp"

namespace lockstep {

/// One worker's part of contents, pinned.
template <class R>
class ContentsPart {
 public:
  virtual ~ContentsPart() = default;
  virtual void for_each(FunctionRef<void(const R&, Weight)> function) const = 0;
  virtual Weight weight_of(const R& row) const = 0;
  /// Distinct rows.
  virtual std::size_t size() const = 0;
};

/// Of rows that lie by key: what an index holds, pinned.
template <class K, class V>
class KeyedContentsPart final : public ContentsPart<std::pair<K, V>> {
 public:
  using R = std::pair<K, V>;

  explicit KeyedContentsPart(std::unique_ptr<const IndexView<K, V>> index) : index_(std::move(index)) {}

  const IndexView<K, V>& index() const { return *index_; }

  void for_each(FunctionRef<void(const R&, Weight)> function) const override {
    index_->for_each([&](const K& key, const V& value, Weight weight) { function({key, value}, weight); });
  }
  Weight weight_of(const R& row) const override {
    Batch<V> made;
    Weight found = 0;
    index_->find(row.first, row_traits<K>::hash(row.first), made).for_each([&](const V& value, Weight weight) {
      if (row_traits<V>::equal(value, row.second)) found += weight;
    });
    return found;
  }
  std::size_t size() const override {
    std::size_t rows = 0;
    index_->for_each([&rows](const K&, const V&, Weight) { ++rows; });
    return rows;
  }

 private:
  std::unique_ptr<const IndexView<K, V>> index_;
};

/// The contents of one output at one step: a Z-set that stays as it is. Of a thread at a time; copies are cheap.
template <class R>
class Contents {
 public:
  using Part = std::shared_ptr<const ContentsPart<R>>;
  explicit Contents(std::vector<Part> parts) : parts_(std::move(parts)) {}

  /// Calls function(row, weight) for each row, in no promised order.
  void for_each(FunctionRef<void(const R&, Weight)> function) const {
    for (const Part& part : parts_) part->for_each(function);
  }
  /// O(1).
  Weight weight_of(const R& row) const {
    const auto& wanted = normalised(row);
    Weight weight = 0;
    for (const Part& part : parts_) weight += part->weight_of(wanted);
    return weight;
  }
  /// Whether it is there at all, with whatever weight. O(1).
  bool contains(const R& row) const { return weight_of(row) != 0; }
  /// Distinct rows. O(rows) for rows that lie by key, else O(1).
  std::size_t size() const {
    std::size_t rows = 0;
    for (const Part& part : parts_) rows += part->size();
    return rows;
  }
  Batch<R> sorted() const {
    Batch<R> rows = listed();
    sort_rows(rows);
    return rows;
  }
  /// The rows with their weights, in no promised order: they are listed first.
  const Weighted<R>* begin() const { return list().data(); }
  const Weighted<R>* end() const { return list().data() + list().size(); }

 protected:
  const std::vector<Part>& parts() const { return parts_; }

 private:
  Batch<R> listed() const {
    Batch<R> rows;
    for_each([&rows](const R& row, Weight weight) { rows.push_back({row, weight}); });
    return rows;
  }
  const Batch<R>& list() const {
    if (list_ == nullptr) list_ = std::make_shared<const Batch<R>>(listed());
    return *list_;
  }

  std::vector<Part> parts_;                       // by worker
  mutable std::shared_ptr<const Batch<R>> list_;  // for begin()
};

/// The contents of a table, or of an output of a keyed stream: found by key.
template <class K, class V>
class KeyedContents : public Contents<std::pair<K, V>> {
 public:
  using Contents<std::pair<K, V>>::Contents;

  /// The value of a key, if it has one. Throws UsageError if it has several, or one with another weight than 1: see
  /// values(). O(1).
  std::optional<V> find(const K& key) const {
    const Match<V> match = match_of(key);
    if (match.large == nullptr && match.rows.empty()) return std::nullopt;
    if (match.large != nullptr || match.rows.size() != 1 || match.rows[0].weight != 1) {
      throw UsageError("find() of key " + to_string(key) + ", which has several values: values() has them");
    }
    return match.rows[0].row;
  }
  /// O(1).
  bool contains(const K& key) const {
    const Match<V> match = match_of(key);
    return match.large != nullptr || !match.rows.empty();
  }
  /// Those of a key with their weights.
  Batch<V> values(const K& key) const {
    Batch<V> found;
    match_of(key).for_each([&found](const V& value, Weight weight) { found.push_back({value, weight}); });
    return found;
  }

 private:
  Match<V> match_of(const K& wanted) const {
    const auto& key = normalised(wanted);
    const std::uint64_t hash = row_traits<K>::hash(key);
    const auto workers = static_cast<unsigned>(this->parts().size());
    const auto& part = *this->parts()[worker_of_slot(slot_of(hash), workers)];
    made_.clear();
    return static_cast<const KeyedContentsPart<K, V>&>(part).index().find(key, hash, made_);
  }

  mutable Batch<V> made_;  // for what indexes make when they are asked
};

/// The contents of all tables, and of all outputs that accumulate theirs, as of one step, valid for as long as it is
/// held, also after the runtime. Any thread.
class Snapshot {
 public:
  using Pins = std::map<ContentsName, std::vector<std::shared_ptr<const void>>>;  // by worker

  Snapshot(std::uint64_t step, const void* flow, Pins pins) : step_(step), flow_(flow), pins_(std::move(pins)) {}

  /// The step whose end it shows.
  std::uint64_t step() const { return step_; }

  template <class R>
  Contents<R> operator[](const Output<R>& output) const {
    return of<Contents<R>, R>(output);
  }
  template <class K, class V>
  KeyedContents<K, V> operator[](const KeyedOutput<K, V>& output) const {
    return of<KeyedContents<K, V>, std::pair<K, V>>(output);
  }
  /// Of a table.
  template <class Table>
  requires requires(const Table& table) { table.key_of(); }
  KeyedContents<typename Table::Key, typename Table::Value> operator[](const Table& table) const {
    using R = std::pair<typename Table::Key, typename Table::Value>;
    return KeyedContents<typename Table::Key, typename Table::Value>(parts<R>(
        {ContentsName::Kind::table, table.edge()}, table.flow()->identity.get(), "table '" + table.name() + "'", ""));
  }

 private:
  template <class Result, class R>
  Result of(const Output<R>& output) const {
    return Result(parts<R>({ContentsName::Kind::output, output.id()}, output.flow(), "output '" + output.name() + "'",
                           ": make it with output(name, accumulated), or ledger(input, accumulated), beforehand"));
  }
  template <class R>
  std::vector<typename Contents<R>::Part> parts(ContentsName of, const void* flow, const std::string& what,
                                                const char* otherwise) const {
    std::vector<typename Contents<R>::Part> found;
    for (const auto& pin : pins(of, flow, what, otherwise)) {
      found.push_back(std::static_pointer_cast<const ContentsPart<R>>(pin));
    }
    return found;
  }
  const std::vector<std::shared_ptr<const void>>& pins(ContentsName of, const void* flow, const std::string& what,
                                                       const char* otherwise) const;

  std::uint64_t step_;
  const void* flow_;
  Pins pins_;
};

}  // namespace lockstep
