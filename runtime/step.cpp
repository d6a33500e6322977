#include "runtime/step.hpp"

namespace lockstep {

StepData::StepData(const Outputs& outputs, unsigned workers) : filled_(workers) {
  slots_.reserve(outputs.size());
  for (const OutputInfo& output : outputs) slots_.push_back(output.make_slot(workers));
}

void StepData::clear() {
  for (unsigned worker = 0; worker < filled_.size(); ++worker) {
    for (const OutputId output : filled_[worker]) slots_[output]->clear(worker);
    filled_[worker].clear();
  }
}

void StepData::release(StepData* data) {
  if (data->owners_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  std::unique_ptr<StepData> owned(data);
  const std::shared_ptr<StepPool> pool = std::move(data->pool_);
  data->clear();
  const std::lock_guard lock(pool->mutex_);
  pool->idle_.push_back(std::move(owned));
}

StepData* StepPool::acquire(std::uint64_t number, const void* flow) {
  std::unique_ptr<StepData> data;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      data = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (data == nullptr) data = std::make_unique<StepData>(outputs_, workers_);
  data->number = number;
  data->flow = flow;
  data->pool_ = shared_from_this();
  data->owners_.store(1, std::memory_order_relaxed);
  return data.release();
}

}  // namespace lockstep
