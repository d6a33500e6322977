#pragma once

#include <tuple>
#include <utility>

#include "bench/harness.hpp"
#include "bench/history.hpp"
#include "lockstep.hpp"

namespace lockstep::bench {

/// A runtime whose steps are timed. `push(runtime, step)` stages the rows of a step.
template <class Push, class... R>
class EngineSide final : public Side {
 public:
  EngineSide(const Dataflow& flow, const RuntimeOptions& options, bool timed_push, Push push, Output<R>... output)
      : runtime_(flow, options), timed_push_(timed_push), push_(std::move(push)), outputs_(std::move(output)...) {}

  void stage(std::size_t step) override {
    shown_ = Step();
    next_ = step;
    if (!timed_push_) push_(runtime_, step);
  }
  void run() override {
    if (timed_push_) push_(runtime_, next_);
    shown_ = runtime_.step();
  }
  void tally(Tally& tally) override {
    std::uint64_t number = 0;
    std::apply([&](const auto&... output) { (tally.add(number++, shown_[output]), ...); }, outputs_);
  }
  std::size_t state_bytes() const override { return runtime_.metrics().state_bytes(); }

 private:
  Runtime runtime_;
  const bool timed_push_;
  Push push_;
  std::tuple<Output<R>...> outputs_;
  std::size_t next_ = 0;
  Step shown_;
};

/// Pushes the history's rows into the only input.
template <class R>
auto push_history(const Input<R>& input, Shared<R> history) {
  return [input, history](Runtime& runtime, std::size_t step) { runtime[input].push(history->step(step)); };
}

template <class Push, class... R>
std::unique_ptr<Side> make_engine(const Dataflow& flow, const RuntimeOptions& options, Push push, Output<R>... output) {
  return std::make_unique<EngineSide<Push, R...>>(flow, options, false, std::move(push), std::move(output)...);
}

}  // namespace lockstep::bench
