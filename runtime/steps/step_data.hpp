#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/steps/output_name.hpp"
#include "runtime/steps/time.hpp"
#include "runtime/zset/batch.hpp"

namespace lockstep {

/// The deltas of one output in one step, a part from each worker.
class OutputPartsBase {
 public:
  virtual ~OutputPartsBase() = default;
  /// `gives_back`: what has grown and is hardly used.
  virtual void clear(unsigned worker, bool gives_back) = 0;
};

template <class R>
class OutputParts final : public OutputPartsBase {
 public:
  explicit OutputParts(unsigned workers) : parts(workers) {}
  void clear(unsigned worker, bool gives_back) override {
    gives_back ? parts[worker].give_back_idle() : parts[worker].clear();
  }

  std::vector<Batch<R>> parts;
};

/// Up to where a session has read its source, by a cursor that it moves (Session::move_cursor).
struct SessionCursor {
  std::uint64_t session = 0;
  std::uint64_t cursor = 0;

  friend bool operator==(const SessionCursor&, const SessionCursor&) = default;
};

/// Up to when an input is complete, in its event time; kNoTimestamp: there is no telling yet.
struct InputWatermark {
  std::uint32_t input = 0;
  Timestamp watermark = kNoTimestamp;
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
  /// Of the sessions whose cursors have moved, in the order of their numbers.
  std::vector<SessionCursor> cut;
  /// Of the inputs that have event time.
  std::vector<InputWatermark> watermarks;

 private:
  friend class StepPool;
  static void retire(StepData* data);
  void clear();

  std::atomic<std::uint32_t> owners_{0};
  StepPool* pool_ = nullptr;
  StepData* next_ = nullptr;  // in the pool
  std::uint32_t uses_ = 0;
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

}  // namespace lockstep
