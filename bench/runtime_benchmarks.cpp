#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>

#include "bench/benchmarks.hpp"
#include "bench/harness.hpp"
#include "bench/history.hpp"
#include "bench/plain.hpp"
#include "bench/stopwatch.hpp"
#include "bench/together.hpp"
#include "lockstep.hpp"

namespace lockstep::bench {

namespace {

// push + seal: each thread pushes into a session of its own; then a step of a dataflow that does nothing with the rows.
// Its kernel appends the same rows to a vector for each thread.

enum class Pushing { one_by_one, spans };

void push_and_seal(benchmark::State& state, unsigned threads, Pushing how) {
  constexpr std::size_t kSpan = 1000;
  const std::size_t rows = settings().rows(2'000'000);
  const auto history = random_transfers(1000, Ids::ascending, rows, 1);
  Batch<Transfer> source = history->rows;
  Dataflow flow;
  auto input = flow.input<Transfer>("transfers");
  Runtime runtime(flow, {.workers = 1});
  std::vector<std::shared_ptr<Session>> sessions;
  for (unsigned i = 0; i < threads; ++i) sessions.push_back(runtime.open_session());
  std::vector<Batch<Transfer>> plain(threads);

  std::vector<double> pushing, appending, sealing;
  std::uint64_t sealed = 0;
  for (std::size_t round = 0; round < settings().repetitions + 2; ++round) {
    const double pushed = together(threads, [&](unsigned thread) {
      auto port = (*sessions[thread])[input];
      if (how == Pushing::spans) {
        for (std::size_t i = 0; i < rows; i += kSpan) port.push(std::span(source).subspan(i, kSpan));
      } else {
        for (const auto& item : source) port.push(item.row, item.weight);
      }
    });
    const double before = wall_seconds();
    runtime.step();
    const double seal = wall_seconds() - before;
    sealed += runtime.metrics().last_step.rows;
    for (auto& batch : plain) batch.clear();
    const double appended = together(threads, [&](unsigned thread) {
      for (const auto& item : source) plain[thread].push_back(item);
    });
    if (round < 2) continue;  // memory grows
    pushing.push_back(pushed);
    appending.push_back(appended);
    sealing.push_back(seal);
  }
  for (auto _ : state) state.SetIterationTime(median(pushing) + median(sealing));
  const double all = static_cast<double>(rows * threads);
  state.counters["rows_per_s"] = all / (median(pushing) + median(sealing));
  state.counters["ns_per_row"] = 1e9 * (median(pushing) + median(sealing)) / all;
  state.counters["seal_ns"] = 1e9 * median(sealing);
  state.counters["kernel_rows_per_s"] = all / median(appending);
  state.counters["ratio"] = median(appending) / (median(pushing) + median(sealing));
  check(state, sealed == (settings().repetitions + 2) * rows * threads, "rows were lost between push and step");
}

/// A hundred inputs, each with ten operators in a row, of which eight cannot be fused since they have names.
class WideFlow {
 public:
  static constexpr std::size_t kInputs = 100;

  WideFlow() {
    for (std::size_t i = 0; i < kInputs; ++i) {
      inputs_.push_back(flow_.input<std::int64_t>(fmt::format("input {}", i)));
      Stream<std::int64_t> stream = inputs_.back();
      for (int link = 0; link < 8; ++link) {
        auto next = stream | map([](std::int64_t x) { return x + 1; });
        stream = Stream<std::int64_t>(next);
      }
      auto counts = stream | distinct() | group_by([](std::int64_t x) { return x % 16; }, count());
      outputs_.push_back(counts | output(fmt::format("output {}", i)));
    }
  }

  const Dataflow& flow() const { return flow_; }
  const Input<std::int64_t>& input(std::size_t i) const { return inputs_[i]; }
  const Output<std::pair<std::int64_t, std::int64_t>>& output_of(std::size_t i) const { return outputs_[i]; }

 private:
  Dataflow flow_;
  std::vector<Input<std::int64_t>> inputs_;
  std::vector<Output<std::pair<std::int64_t, std::int64_t>>> outputs_;
};

/// One row into each of some of the inputs: the step alone, and with its pushes.
void thousand_operators(benchmark::State& state, std::size_t changed) {
  const WideFlow wide;
  Runtime runtime(wide.flow(), {.workers = 1});
  const std::size_t steps = settings().rows(100'000) / changed + 100;
  std::vector<double> samples;
  std::size_t outputs = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    for (std::size_t i = 0; i < changed; ++i) {
      runtime[wide.input(i)].push(static_cast<std::int64_t>(step / 2 % 1000), step % 2 == 0 ? 1 : -1);
    }
    const auto before = std::chrono::steady_clock::now();
    const Step done = runtime.step();
    const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - before;
    samples.push_back(static_cast<double>(spent.count()));
    for (std::size_t i = 0; i < changed; ++i) outputs += done[wide.output_of(i)].size();
  }
  const double nanoseconds = median(samples);
  for (auto _ : state) state.SetIterationTime(1e-9 * nanoseconds);
  state.counters["p50_ns"] = nanoseconds;
  state.counters["operators_touched"] = static_cast<double>(10 * changed);
  state.counters["ns_per_operator"] = nanoseconds / static_cast<double>(10 * changed);
  check(state, outputs == steps * changed, "outputs of the touched operators are missing");
}

}  // namespace

void add_runtime_benchmarks() {
  for (const unsigned threads : {1U, 4U}) {
    for (const auto& [how, name] : {std::pair{Pushing::one_by_one, "rows"}, {Pushing::spans, "spans_of_1000"}}) {
      add_plain(fmt::format("push_and_seal/{}_threads/{}", threads, name),
                [threads, how = how](benchmark::State& state) { push_and_seal(state, threads, how); });
    }
  }
  for (const std::size_t changed : {1U, 10U, 100U}) {
    add_plain(fmt::format("thousand_operators/{}_touched", 10 * changed),
              [changed](auto& state) { thousand_operators(state, changed); });
  }
}

}  // namespace lockstep::bench
