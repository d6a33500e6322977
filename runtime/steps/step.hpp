#pragma once

#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/faults/errors.hpp"
#include "runtime/rows/shape.hpp"
#include "runtime/steps/output_name.hpp"
#include "runtime/steps/step_data.hpp"
#include "runtime/steps/time.hpp"
#include "runtime/zset/batch.hpp"

namespace lockstep {

template <class R>
class Delta;

template <class T>
concept IsOutput = shape::is_instance<T, Output>;

/// One complete step: an immutable view of all outputs at one time, valid for as long as it is held. Copying is
/// cheap; any thread may read.
class Step {
 public:
  Step() = default;
  /// Takes over one hold.
  explicit Step(StepData* data) : data_(data) {}
  Step(const Step& other) : data_(other.data_) {
    if (data_ != nullptr) data_->hold();
  }
  Step(Step&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  Step& operator=(Step other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~Step() {
    if (data_ != nullptr) StepData::release(data_);
  }

  StepData* data() const { return data_; }

  /// Steps count from 1; 0 is the state before the first.
  std::uint64_t number() const { return data_ == nullptr ? 0 : data_->number; }
  /// Its cut: up to where the sessions had read that have moved their cursors, in the order of their numbers. What they
  /// pushed before is in this step or those before it, and nothing of what they pushed after.
  std::vector<SessionCursor> cut() const { return data_ == nullptr ? std::vector<SessionCursor>() : data_->cut; }

  /// Up to when an input is complete, in its event time, and never goes back: what its sessions push later and date
  /// before is late. Nothing: there is no telling yet. Throws UsageError if it has none, or is of another dataflow.
  template <class Input>
  requires requires(const Input& input) { input.flow()->identity; }
  std::optional<Timestamp> watermark(const Input& input) const {
    return watermark_of(input.flow()->identity.get(), input.id(), input.name());
  }

  /// What changed in an output in this step.
  template <class R>
  Delta<R> operator[](const Output<R>& output) const;
  template <class K, class V>
  Delta<std::pair<K, V>> operator[](const KeyedOutput<K, V>& output) const;
  /// Of something else: it does not compile, and says so.
  template <class Other>
  std::initializer_list<int> operator[](const Other&) const {
    static_assert(
        IsOutput<Other>,
        "lockstep: a step is asked for an output, which `stream | output(name)` gives; this is something else");
    return {};
  }

 private:
  template <class R>
  friend class Delta;

  std::optional<Timestamp> watermark_of(const void* flow, std::uint32_t input, const std::string& name) const;

  StepData* data_ = nullptr;
};

/// The delta of one output in one step: each row once, with its weight, in no promised order. Holds its step.
template <class R>
class Delta {
 public:
  Delta(Step step, const OutputParts<R>* parts) : step_(std::move(step)), output_(parts) {}

  class Iterator {
   public:
    using value_type = Weighted<R>;
    using difference_type = std::ptrdiff_t;
    using reference = const Weighted<R>&;
    using pointer = const Weighted<R>*;
    using iterator_category = std::forward_iterator_tag;

    Iterator() = default;
    Iterator(const OutputParts<R>* parts, std::size_t part) : output_(parts), part_(part) { skip_empty(); }

    reference operator*() const { return output_->parts[part_][at_]; }
    pointer operator->() const { return &**this; }
    Iterator& operator++() {
      ++at_;
      skip_empty();
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    void skip_empty() {
      while (part_ < output_->parts.size() && at_ == output_->parts[part_].size()) {
        ++part_;
        at_ = 0;
      }
    }

    const OutputParts<R>* output_ = nullptr;
    std::size_t part_ = 0;
    std::size_t at_ = 0;
  };

  Iterator begin() const { return {output_, 0}; }
  Iterator end() const { return {output_, output_->parts.size()}; }

  std::size_t size() const {
    std::size_t rows = 0;
    for (const auto& part : output_->parts) rows += part.size();
    return rows;
  }
  bool empty() const { return size() == 0; }

  /// The delta in row order.
  Batch<R> sorted() const {
    Batch<R> rows(begin(), end());
    sort_rows(rows);
    return rows;
  }

 private:
  Step step_;
  const OutputParts<R>* output_;
};

template <class R>
Delta<R> Step::operator[](const Output<R>& output) const {
  if (data_ == nullptr || data_->flow != output.flow()) {
    throw UsageError("output '" + output.name() + "' does not belong to the dataflow of this step");
  }
  if (output.id() >= data_->outputs()) {
    throw UsageError("output '" + output.name() + "' was added to the dataflow after this runtime was made");
  }
  return Delta<R>(*this, &data_->parts_of<R>(output.id()));
}

template <class K, class V>
Delta<std::pair<K, V>> Step::operator[](const KeyedOutput<K, V>& output) const {
  return (*this)[static_cast<const Output<std::pair<K, V>>&>(output)];
}

}  // namespace lockstep
