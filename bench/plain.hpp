#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "bench/harness.hpp"

// Benchmarks that are no contests: they time themselves.

namespace lockstep::bench {

template <class Run>
void add_plain(const std::string& name, Run run) {
  benchmark::RegisterBenchmark(name.c_str(), run)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);
}

inline void check(benchmark::State& state, bool right, const char* complaint) {
  if (right) return;
  fail();
  state.SkipWithError(complaint);
}

struct Percentiles {
  double p50, p99, p999;
};

/// Of the durations of so many calls.
template <class Call>
Percentiles nanoseconds_of(std::size_t calls, Call&& call) {
  std::vector<double> samples;
  samples.reserve(calls);
  for (std::size_t i = 0; i < calls; ++i) {
    const auto before = std::chrono::steady_clock::now();
    call();
    const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - before;
    samples.push_back(static_cast<double>(spent.count()));
  }
  std::sort(samples.begin(), samples.end());
  const auto at = [&](double part) { return samples[static_cast<std::size_t>(part * static_cast<double>(calls))]; };
  return {at(0.5), at(0.99), at(0.999)};
}

inline void show(benchmark::State& state, const Percentiles& percentiles) {
  for (auto _ : state) state.SetIterationTime(1e-9 * percentiles.p50);
  state.counters["p50_ns"] = percentiles.p50;
  state.counters["p99_ns"] = percentiles.p99;
  state.counters["p999_ns"] = percentiles.p999;
}

}  // namespace lockstep::bench
