#pragma once

#include <utility>

#include "bench/harness.hpp"
#include "bench/history.hpp"
#include "bench/kernels/rows.hpp"

namespace lockstep::bench {

/// A kernel that reads one input and writes one output.
template <class Kernel, class In, class Out>
class KernelSide final : public Side {
 public:
  KernelSide(Shared<In> history, std::size_t keys) : history_(std::move(history)), kernel_(keys) {}

  /// A copy, as the engine's sealed batch is one.
  void stage(std::size_t step) override {
    const auto rows = history_->step(step);
    batch_.assign(rows.begin(), rows.end());
  }
  void run() override { kernel_.run(std::span<const Weighted<In>>(batch_), out_); }
  void tally(Tally& tally) override { tally.add(0, out_.span()); }

 private:
  Shared<In> history_;
  Kernel kernel_;
  Batch<In> batch_;
  Rows<Out> out_;
};

template <class Kernel, class Out, class In>
Contestant kernel(std::string name, Shared<In> history, std::size_t keys) {
  return {std::move(name), [=] { return std::make_unique<KernelSide<Kernel, In, Out>>(history, keys); }};
}

}  // namespace lockstep::bench
