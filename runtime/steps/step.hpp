#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/faults/errors.hpp"
#include "runtime/steps/output_name.hpp"
#include "runtime/steps/time.hpp"
#include "runtime/zset/batch.hpp"

namespace lockstep {

/// The deltas of one output in one step, a part from each worker.
class OutputPartsBase {
 public:
  virtual ~OutputPartsBase() = default;
  virtual void clear(unsigned worker) = 0;
};

template <class R>
class OutputParts final : public OutputPartsBase {
 public:
  explicit OutputParts(unsigned workers) : parts(workers) {}
  void clear(unsigned worker) override { parts[worker].clear(); }

  std::vector<Batch<R>> parts;
};

class StepPool;

/// All outputs of one step. Written by the workers while the step runs, each its own parts; immutable once
/// published; returns to its pool when nobody holds it.
class StepData {
 public:
  StepData(const Outputs& outputs, unsigned workers);

  template <class R>
  OutputParts<R>& parts_of(OutputId output) {
    return static_cast<OutputParts<R>&>(*outputs_[output]);
  }
  /// How many outputs the flow had when the runtime was made.
  std::size_t outputs() const { return outputs_.size(); }

  /// The part of an output that a worker may fill.
  template <class R>
  Batch<R>& part(OutputId output, unsigned worker) {
    filled_[worker].push_back(output);
    return parts_of<R>(output).parts[worker];
  }

  void hold() { owners_.fetch_add(1, std::memory_order_relaxed); }
  /// Any thread. Pairs with itself: what every holder read happens before the reuse.
  static void release(StepData* data) {
    if (data->owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) retire(data);
  }

  std::uint64_t number = 0;
  const void* flow = nullptr;
  // Of the step, for metrics: rows sealed into it, and how long it took (see ticks()).
  std::uint64_t rows = 0;
  std::uint64_t ticks = 0;

 private:
  friend class StepPool;
  static void retire(StepData* data);
  void clear();

  std::atomic<std::uint32_t> owners_{0};
  StepPool* pool_ = nullptr;
  StepData* next_ = nullptr;  // in the pool
  std::vector<std::unique_ptr<OutputPartsBase>> outputs_;
  std::vector<Array<OutputId>> filled_;  // by worker
};

/// Keeps the step data that nobody holds, with the memory it has grown, so that a warm step allocates nothing. One
/// thread at a time acquires, any thread releases; steps may outlive the runtime that made them, and with it the pool's
/// owner.
class StepPool {
 public:
  static StepPool* make(Outputs outputs, unsigned workers) { return new StepPool(std::move(outputs), workers); }
  /// The owner goes; the pool goes with the last step.
  void close();

  /// Step data with so many holds.
  StepData* acquire(std::uint64_t number, const void* flow, std::uint32_t holds);

  struct Close {
    void operator()(StepPool* pool) const { pool->close(); }
  };

 private:
  friend class StepData;
  StepPool(Outputs outputs, unsigned workers) : outputs_(std::move(outputs)), workers_(workers) {}

  void give_back(StepData* data);
  void discard(StepData* data);
  void drop(std::uint64_t references);
  /// What the stack holds after close(): what comes then is deleted.
  static StepData* closed();

  const Outputs outputs_;
  const unsigned workers_;
  StepData* idle_ = nullptr;                  // only of who acquires
  std::atomic<StepData*> returned_{nullptr};  // a stack: pushed by any thread, taken whole
  std::atomic<std::uint64_t> references_{1};  // the owner's, and one of each step data
};

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

  /// What changed in an output in this step.
  template <class R>
  Delta<R> operator[](const Output<R>& output) const;
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

}  // namespace lockstep
