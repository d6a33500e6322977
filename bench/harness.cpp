#include "bench/harness.hpp"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "bench/stopwatch.hpp"

namespace lockstep::bench {

namespace {

bool failed = false;

/// What one side needed in one repetition.
struct Lap {
  double wall = 0;
  double processor = 0;
  double staging = 0;
  std::vector<std::uint32_t> step_nanoseconds;
  Tally tally;
  std::size_t state_bytes = 0;
};

/// Below so many rows a step, asking for processor time would cost more than the step.
constexpr std::size_t kRowsWorthProcessorTime = 1000;

void run_step(Side& side, std::size_t step, const Contest& contest, const ProcessorClock& processor, Lap& lap) {
  const double before_staging = wall_seconds();
  side.stage(step);
  lap.staging += wall_seconds() - before_staging;
  const bool processor_too = contest.rows_per_step >= kRowsWorthProcessorTime;
  const double processor_before = processor_too ? processor.seconds() : 0;
  const auto before = std::chrono::steady_clock::now();
  side.run();
  const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - before;
  if (processor_too) lap.processor += processor.seconds() - processor_before;
  lap.wall += 1e-9 * static_cast<double>(spent.count());
  lap.step_nanoseconds.push_back(static_cast<std::uint32_t>(spent.count()));
  lap.tally.begin_step(step);
  side.tally(lap.tally);
}

/// All sides once, taking turns, so that what disturbs one disturbs all.
std::vector<Lap> run_round(const std::vector<Contestant>& contestants, const Contest& contest) {
  constexpr std::size_t kPieces = 20;
  std::vector<std::unique_ptr<Side>> sides;
  for (const Contestant& one : contestants) sides.push_back(one.make());
  const ProcessorClock processor;
  std::vector<Lap> laps(sides.size());
  for (std::size_t step = 0; step < contest.preload_steps; ++step) {
    for (std::size_t side = 0; side < sides.size(); ++side)
      run_step(*sides[side], step, contest, processor, laps[side]);
  }
  for (Lap& lap : laps) {
    Lap timed;
    timed.tally = lap.tally;
    lap = std::move(timed);
  }
  const std::size_t piece = std::max<std::size_t>(1, contest.steps / kPieces);
  for (std::size_t first = 0, turn = 0; first < contest.steps; first += piece, ++turn) {
    const std::size_t last = std::min(first + piece, contest.steps);
    for (std::size_t i = 0; i < sides.size(); ++i) {
      const std::size_t side = (turn + i) % sides.size();
      for (std::size_t step = first; step < last; ++step) {
        run_step(*sides[side], contest.preload_steps + step, contest, processor, laps[side]);
      }
    }
  }
  for (std::size_t side = 0; side < sides.size(); ++side) laps[side].state_bytes = sides[side]->state_bytes();
  return laps;
}

double percentile(std::vector<std::uint32_t>& sorted, double part) {
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(part * static_cast<double>(sorted.size())))];
}

/// The rounds of a contest, each with a lap per contestant.
class Results {
 public:
  Results(const Contest& contest, const std::vector<Contestant>& contestants, std::vector<std::vector<Lap>> rounds)
      : contest_(contest), contestants_(contestants), rounds_(std::move(rounds)) {}

  /// Empty if all outputs are the same.
  std::string difference() const {
    for (const auto& round : rounds_) {
      for (std::size_t side = 1; side < round.size(); ++side) {
        if (round[side].tally == round[0].tally) continue;
        return fmt::format("{} and {} have different outputs: {} and {} rows", contestants_[0].name,
                           contestants_[side].name, round[0].tally.rows(), round[side].tally.rows());
      }
    }
    return rounds_[0][0].tally.rows() == 0 ? "there are no outputs" : "";
  }

  template <class Get>
  double middle(std::size_t side, Get&& get) const {
    std::vector<double> values;
    for (const auto& round : rounds_) values.push_back(get(round[side], round[0]));
    return median(std::move(values));
  }
  double wall(std::size_t side) const {
    return middle(side, [](const Lap& lap, const Lap&) { return lap.wall; });
  }
  double processor(std::size_t side) const {
    return middle(side, [](const Lap& lap, const Lap&) { return lap.processor; });
  }
  bool has_processor() const { return rounds_[0][0].processor > 0; }

  void show(benchmark::State& state) {
    const double rows = static_cast<double>(contest_.rows_per_step * contest_.steps);
    auto& counters = state.counters;
    counters["rows_per_s"] = rows / wall(0);
    counters["ns_per_row"] = 1e9 * wall(0) / rows;
    const double staging = middle(0, [](const Lap& lap, const Lap&) { return lap.staging; });
    counters["end_to_end_rows_per_s"] = rows / (wall(0) + staging);
    if (has_processor()) counters["cpu_ns_per_row"] = 1e9 * processor(0) / rows;
    if (contest_.state_rows != 0) {
      counters["state_bytes_per_row"] =
          static_cast<double>(rounds_[0][0].state_bytes) / static_cast<double>(contest_.state_rows);
    }
    counters["output_rows"] = static_cast<double>(rounds_[0][0].tally.rows());
    show_percentiles(0, "", state);
    show_ratios(state);
  }

 private:
  void show_percentiles(std::size_t side, const std::string& prefix, benchmark::State& state) {
    std::vector<std::uint32_t> all;
    for (auto& round : rounds_) {
      all.insert(all.end(), round[side].step_nanoseconds.begin(), round[side].step_nanoseconds.end());
    }
    std::sort(all.begin(), all.end());
    state.counters[prefix + "p50_ns"] = percentile(all, 0.5);
    state.counters[prefix + "p99_ns"] = percentile(all, 0.99);
    state.counters[prefix + "p999_ns"] = percentile(all, 0.999);
  }

  /// The yardstick is the fastest of the others.
  void show_ratios(benchmark::State& state) {
    std::size_t best = 0;
    for (std::size_t side = 1; side < contestants_.size(); ++side) {
      const double ratio = middle(side, [](const Lap& lap, const Lap& first) { return lap.wall / first.wall; });
      state.counters["ratio_" + contestants_[side].name] = ratio;
      if (best == 0 || ratio < state.counters["ratio"]) {
        best = side;
        state.counters["ratio"] = ratio;
      }
    }
    if (best == 0) return;
    const double rows = static_cast<double>(contest_.rows_per_step * contest_.steps);
    state.counters["kernel_rows_per_s"] = rows / wall(best);
    if (has_processor()) {
      state.counters["ratio_cpu"] = middle(best, [this](const Lap& lap, const Lap& first) {
        return contest_.threads * lap.processor / first.processor;
      });
    }
    show_percentiles(best, "kernel_", state);
    state.counters["ratio_p50"] = state.counters["kernel_p50_ns"] / state.counters["p50_ns"];
    state.SetLabel(contestants_[best].name);
  }

  const Contest& contest_;
  const std::vector<Contestant>& contestants_;
  std::vector<std::vector<Lap>> rounds_;  // by contestant
};

void run_contest(const Contest& contest, benchmark::State& state) {
  const std::vector<Contestant> contestants = contest.prepare();
  std::vector<std::vector<Lap>> rounds;
  std::map<std::string, std::vector<double>> alongside;
  for (std::size_t i = 0; i < settings().repetitions; ++i) {
    rounds.push_back(run_round(contestants, contest));
    if (!contest.alongside) continue;
    for (const auto& [name, value] : contest.alongside()) alongside[name].push_back(value);
  }
  Results results(contest, contestants, std::move(rounds));
  for (auto _ : state) state.SetIterationTime(results.wall(0));
  if (const std::string difference = results.difference(); !difference.empty()) {
    fail();
    state.SkipWithError(difference.c_str());
    return;
  }
  results.show(state);
  for (const auto& [name, values] : alongside) state.counters[name] = median(values);
}

}  // namespace

Settings& settings() {
  static Settings settings;
  return settings;
}

void add(Contest contest) {
  const std::string name = contest.name;
  benchmark::RegisterBenchmark(name.c_str(),
                               [contest = std::move(contest)](benchmark::State& state) { run_contest(contest, state); })
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
}

bool any_failed() { return failed; }
void fail() { failed = true; }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace lockstep::bench
