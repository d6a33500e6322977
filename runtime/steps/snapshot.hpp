#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/faults/errors.hpp"
#include "runtime/steps/output_name.hpp"
#include "runtime/zset/batch.hpp"

namespace lockstep {

/// One worker's part of an output's contents, pinned.
template <class R>
class ContentsPart {
 public:
  virtual ~ContentsPart() = default;
  virtual void for_each(const std::function<void(const R&, Weight)>& function) const = 0;
  virtual Weight weight_of(const R& row) const = 0;
  virtual std::size_t size() const = 0;
};

/// The contents of one output at one step: a Z-set that stays as it is.
template <class R>
class Contents {
 public:
  using Part = std::shared_ptr<const ContentsPart<R>>;
  explicit Contents(std::vector<Part> parts) : parts_(std::move(parts)) {}

  /// Calls function(row, weight) for each row, in no promised order.
  void for_each(const std::function<void(const R&, Weight)>& function) const {
    for (const Part& part : parts_) part->for_each(function);
  }
  Weight weight_of(const R& row) const {
    Weight weight = 0;
    for (const Part& part : parts_) weight += part->weight_of(row);
    return weight;
  }
  /// Distinct rows.
  std::size_t size() const {
    std::size_t rows = 0;
    for (const Part& part : parts_) rows += part->size();
    return rows;
  }
  Batch<R> sorted() const {
    Batch<R> rows;
    for_each([&rows](const R& row, Weight weight) { rows.push_back({row, weight}); });
    sort_rows(rows);
    return rows;
  }

 private:
  std::vector<Part> parts_;
};

/// The contents of all outputs that accumulate them, as of one step, valid for as long as it is held. Any thread.
class Snapshot {
 public:
  using Pins = std::map<OutputId, std::vector<std::shared_ptr<const void>>>;  // by worker

  Snapshot(std::uint64_t step, const void* flow, Pins pins) : step_(step), flow_(flow), pins_(std::move(pins)) {}

  /// The step whose end it shows.
  std::uint64_t step() const { return step_; }

  template <class R>
  Contents<R> operator[](const Output<R>& output) const {
    if (output.flow() != flow_) throw UsageError("output '" + output.name() + "' is of another dataflow");
    const auto found = pins_.find(output.id());
    if (found == pins_.end()) {
      throw UsageError("output '" + output.name() +
                       "' keeps no contents in this runtime: make it with output(name, accumulated) beforehand");
    }
    std::vector<typename Contents<R>::Part> parts;
    for (const auto& pin : found->second) parts.push_back(std::static_pointer_cast<const ContentsPart<R>>(pin));
    return Contents<R>(std::move(parts));
  }

 private:
  std::uint64_t step_;
  const void* flow_;
  Pins pins_;
};

}  // namespace lockstep
