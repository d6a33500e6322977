#include "runtime/steps/step_data.hpp"

#include <cstddef>

namespace lockstep {

StepData::StepData(const Outputs& outputs, unsigned workers) : filled_(workers) {
  outputs_.reserve(outputs.size());
  for (const OutputInfo& output : outputs) outputs_.emplace_back(output.make_parts(workers));
}

void StepData::clear() {
  cut.clear();
  watermarks.clear();
  constexpr std::uint32_t kUses = 64;
  if (++uses_ % kUses == 0) {
    for (const auto& output : outputs_) {
      for (unsigned worker = 0; worker < filled_.size(); ++worker) output->clear(worker, true);
    }
  }
  for (unsigned worker = 0; worker < filled_.size(); ++worker) {
    for (const OutputId output : filled_[worker]) outputs_[output]->clear(worker, false);
    filled_[worker].clear();
  }
}

void StepData::retire(StepData* data) {
  data->clear();
  data->pool_->give_back(data);
}

StepData* StepPool::acquire(std::uint64_t number, const void* flow, std::uint32_t holds) {
  // Acquire: pairs with give_back(), so that the data is seen as its last holder left it.
  if (idle_ == nullptr) idle_ = returned_.exchange(nullptr, std::memory_order_acquire);
  StepData* data = idle_;
  if (data != nullptr) {
    idle_ = data->next_;
  } else {
    data = new StepData(outputs_, workers_);
    data->pool_ = this;
    references_.fetch_add(1, std::memory_order_relaxed);
  }
  data->number = number;
  data->flow = flow;
  data->rows = data->ticks = 0;
  data->owners_.store(holds, std::memory_order_relaxed);
  return data;
}

void StepPool::give_back(StepData* data) {
  StepData* top = returned_.load(std::memory_order_relaxed);
  do {
    if (top == closed()) return discard(data);
    data->next_ = top;
  } while (!returned_.compare_exchange_weak(top, data, std::memory_order_release, std::memory_order_relaxed));
}

void StepPool::close() {
  std::uint64_t gone = 1;
  for (StepData* list : {std::exchange(idle_, nullptr), returned_.exchange(closed(), std::memory_order_acquire)}) {
    for (; list != nullptr; ++gone) delete std::exchange(list, list->next_);
  }
  drop(gone);
}

void StepPool::discard(StepData* data) {
  delete data;
  drop(1);
}

void StepPool::drop(std::uint64_t references) {
  if (references_.fetch_sub(references, std::memory_order_acq_rel) == references) delete this;
}

StepData* StepPool::closed() {
  static std::max_align_t mark;
  return reinterpret_cast<StepData*>(&mark);
}

}  // namespace lockstep
