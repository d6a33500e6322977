#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <lockstep_checkpoint.hpp>
#include <optional>
#include <string>
#include <thread>

#include "bench/benchmarks.hpp"
#include "bench/harness.hpp"
#include "bench/plain.hpp"
#include "bench/stopwatch.hpp"
#include "bench/together.hpp"
#include "runtime/state/hash_table.hpp"

namespace lockstep::bench {

namespace {

using Key = std::int64_t;

/// A directory that goes with the benchmark.
class Directory {
 public:
  Directory() : path_(std::filesystem::temp_directory_path() / fmt::format("lockstep-bench-{}", getpid())) {
    std::filesystem::remove_all(path_);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A count over many keys, with checkpoints.
class Counts {
 public:
  static constexpr std::size_t kRowsPerStep = 10'000;

  Counts() {
    flow_.emplace();
    in_ = flow_->input<Key>("in");
    (void)(*in_ | group_by(value, count()) | output("counts"));
  }

  std::size_t keys() const { return settings().rows(10'000'000); }
  static Key key(std::uint64_t i) { return static_cast<Key>(i * 7919); }

  void open(unsigned workers) {
    runtime_.reset();
    runtime_ = std::make_unique<Runtime>(*flow_, RuntimeOptions{.workers = workers, .threads = workers},
                                         checkpoints(directory_.path(), {.begin_if_empty = true}));
  }
  void fill() {
    std::vector<Key> rows;
    for (std::size_t i = 0; i < keys(); ++i) {
      rows.push_back(key(i));
      if (rows.size() == 100'000 || i + 1 == keys()) {
        step(rows);
        rows.clear();
      }
    }
  }
  void step(const std::vector<Key>& rows) {
    (*runtime_)[*in_].push(rows);
    runtime_->step();
  }
  /// Rows of a step, of keys that are there.
  const std::vector<Key>& rows(std::size_t step) {
    if (rows_.empty()) {
      rows_.resize(64);
      std::uint64_t random = 1;
      for (auto& rows : rows_) {
        for (std::size_t i = 0; i < kRowsPerStep; ++i) {
          random = random * 6364136223846793005 + 1442695040888963407;
          rows.push_back(key((random >> 20) % keys()));
        }
      }
    }
    return rows_[step % rows_.size()];
  }
  Runtime& runtime() { return *runtime_; }
  const std::filesystem::path& path() const { return directory_.path(); }

 private:
  Directory directory_;
  std::optional<Dataflow> flow_;
  std::optional<Input<Key>> in_;
  std::unique_ptr<Runtime> runtime_;
  std::vector<std::vector<Key>> rows_;
};

void write_file(const std::string& path, const std::string& bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  std::size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t part = ::write(file, bytes.data() + written, bytes.size() - written);
    if (part <= 0) break;
    written += static_cast<std::size_t>(part);
  }
  if (written != bytes.size() || ::fsync(file) != 0) fail();
  ::close(file);
}

/// A whole checkpoint, beside encoding the same rows by hand and writing them to a file for each thread, with a sync;
/// one after a hundredth of the rows have changed, scattered or in one range of the hash; and one after one row has.
void write_checkpoints(benchmark::State& state) {
  std::vector<double> whole, bare, scattered, scattered_bytes, neighbours, neighbours_bytes, one_row;
  double bytes = 0;
  for (std::size_t round = 0; round < settings().repetitions; ++round) {
    Counts counts;
    counts.open(1);
    counts.fill();
    const auto take = [&] { return seconds_of([&] { counts.runtime().checkpoint().get(); }); };
    const auto written = [&] { return static_cast<double>(counts.runtime().metrics().checkpoints.bytes); };
    whole.push_back(take());
    bytes = written();
    bare.push_back(together(2, [&](unsigned thread) {
      std::string content;
      Encoder out(content);
      for (std::size_t i = thread; i < counts.keys(); i += 2) {
        out.zigzag(Counts::key(i));
        out.zigzag(1);
      }
      write_file((counts.path() / fmt::format("bare-{}", thread)).string(), content);
    }));
    for (std::size_t rows = 0, step = 0; rows < counts.keys() / 100; rows += Counts::kRowsPerStep) {
      counts.step(counts.rows(step++));
    }
    scattered.push_back(take() / whole.back());
    scattered_bytes.push_back(written() / bytes);
    std::vector<Key> near;
    for (std::size_t i = 0; i < counts.keys(); ++i) {
      if (row_traits<Key>::hash(Counts::key(i)) < ~std::uint64_t{0} / 100) near.push_back(Counts::key(i));
    }
    counts.step(near);
    neighbours.push_back(take() / whole.back());
    neighbours_bytes.push_back(written() / bytes);
    counts.step({Counts::key(0)});
    one_row.push_back(take() / whole.back());
  }
  for (auto _ : state) state.SetIterationTime(median(whole));
  state.counters["seconds"] = median(whole);
  state.counters["bytes"] = bytes;
  state.counters["times_bare"] = median(whole) / median(bare);
  state.counters["scattered_time"] = median(scattered);
  state.counters["scattered_bytes"] = median(scattered_bytes);
  state.counters["neighbours_time"] = median(neighbours);
  state.counters["neighbours_bytes"] = median(neighbours_bytes);
  state.counters["one_row_time"] = median(one_row);
}

/// A checkpoint of a join's two indexes after a hundredth of the keys have other rows, scattered, beside a whole one.
void write_joins(benchmark::State& state) {
  using Row = std::pair<Key, Key>;
  const std::size_t keys = settings().rows(2'000'000);
  std::vector<double> whole, scattered, scattered_bytes;
  for (std::size_t round = 0; round < settings().repetitions; ++round) {
    const Directory directory;
    Dataflow flow;
    const auto left = flow.input<Row>("left");
    const auto right = flow.input<Row>("right");
    const auto by_key = key_by([](const Row& row) { return row.first; }, [](const Row& row) { return row.second; });
    (void)(left | by_key | join(right | by_key, [](Key a, Key b) { return a + b; }) | output("joined"));
    Runtime runtime(flow, {}, checkpoints(directory.path(), {.begin_if_empty = true}));
    const auto change = [&](std::size_t i, Key value, Weight weight) {
      runtime[left].push({Counts::key(i), value}, weight);
      runtime[right].push({Counts::key(i), value}, weight);
    };
    const auto take = [&] { return seconds_of([&] { runtime.checkpoint().get(); }); };
    const auto written = [&] { return static_cast<double>(runtime.metrics().checkpoints.bytes); };
    for (std::size_t i = 0; i < keys; ++i) change(i, 1, 1);
    runtime.step();
    whole.push_back(take());
    const double bytes = written();
    for (std::size_t i = 0; i < keys; i += 100) {
      change(i, 1, -1);
      change(i, 2, 1);
    }
    runtime.step();
    scattered.push_back(take() / whole.back());
    scattered_bytes.push_back(written() / bytes);
  }
  for (auto _ : state) state.SetIterationTime(median(whole));
  state.counters["seconds"] = median(whole);
  state.counters["scattered_time"] = median(scattered);
  state.counters["scattered_bytes"] = median(scattered_bytes);
}

/// The state of a directory in a runtime again, beside reading files of the same rows and inserting them into a table.
void restore(benchmark::State& state) {
  Counts counts;
  counts.open(2);
  counts.fill();
  counts.runtime().checkpoint().get();
  std::vector<double> restored, bare;
  for (std::size_t round = 0; round < settings().repetitions; ++round) {
    restored.push_back(seconds_of([&] { counts.open(2); }));
    std::string content[2];
    for (std::size_t i = 0; i < counts.keys(); ++i) {
      Encoder out(content[i % 2]);
      out.zigzag(Counts::key(i));
      out.zigzag(1);
    }
    bare.push_back(together(2, [&](unsigned thread) {
      HashTable<Key, std::int64_t> table;
      for (Decoder in(content[thread]); !in.at_end();) {
        const Key key = in.zigzag();
        table.insert(key, row_traits<Key>::hash(key))->payload = in.zigzag();
      }
      benchmark::DoNotOptimize(table.size());
    }));
  }
  for (auto _ : state) state.SetIterationTime(median(restored));
  state.counters["seconds"] = median(restored);
  state.counters["times_bare"] = median(restored) / median(bare);
}

struct Latencies {
  double p50 = 0, p99 = 0, longest = 0, seconds = 0;
  std::size_t steps = 0;

  explicit Latencies(std::vector<double> samples, double seconds) : seconds(seconds), steps(samples.size()) {
    std::sort(samples.begin(), samples.end());
    p50 = samples[samples.size() / 2];
    p99 = samples[samples.size() * 99 / 100];
    longest = samples.back();
  }
};

/// Steps for as long as a checkpoint takes, or for so many; one every `period`, if that is not 0, and then timed from
/// when it is due.
Latencies make_steps(Counts& counts, bool checkpoint, std::size_t steps, double period) {
  std::vector<double> samples;
  std::shared_future<std::uint64_t> done;
  if (checkpoint) done = counts.runtime().checkpoint();
  const auto goes_on = [&] {
    return checkpoint ? done.wait_for(std::chrono::seconds(0)) != std::future_status::ready : samples.size() < steps;
  };
  const double begun = wall_seconds();
  double due = begun;
  do {
    if (period != 0) {
      while (wall_seconds() < due) {
      }
    } else {
      due = wall_seconds();
    }
    counts.step(counts.rows(samples.size()));
    samples.push_back(wall_seconds() - due);
    due += period;
  } while (goes_on());
  if (checkpoint) done.get();
  return Latencies(std::move(samples), wall_seconds() - begun);
}

/// Steps of 10,000 rows while a whole checkpoint is taken, beside steps without one.
void steps_meanwhile(benchmark::State& state, unsigned workers, bool paced) {
  std::vector<double> p99, rates;
  double longest = 0, p50 = 0, alone_p99 = 0;
  for (std::size_t round = 0; round < settings().repetitions; ++round) {
    Counts counts;  // anew, since the checkpoint after it would not be a whole one
    counts.open(workers);
    counts.fill();
    const Latencies warm = make_steps(counts, false, 500, 0);
    const double period = paced ? 2 * warm.seconds / static_cast<double>(warm.steps) : 0;
    const Latencies alone = make_steps(counts, false, 1000, period);
    const Latencies meanwhile = make_steps(counts, true, 0, period);
    p99.push_back(meanwhile.p99 / alone.p99);
    rates.push_back(static_cast<double>(meanwhile.steps) / meanwhile.seconds /
                    (static_cast<double>(alone.steps) / alone.seconds));
    longest = std::max(longest, meanwhile.longest);
    p50 = meanwhile.p50;
    alone_p99 = alone.p99;
  }
  for (auto _ : state) state.SetIterationTime(p50);
  state.counters["p50_ns"] = 1e9 * p50;
  state.counters["alone_p99_ns"] = 1e9 * alone_p99;
  state.counters["p99_ratio"] = median(p99);
  state.counters["longest_ns"] = 1e9 * longest;
  state.counters["rate_ratio"] = median(rates);
}

/// A directory of many operators with little state.
void open_many(benchmark::State& state) {
  Dataflow flow;
  const auto in = flow.input<Key>("in");
  for (int i = 0; i < 1000; ++i) {
    (void)(in | group_by([i](Key n) { return n % (i + 1); }, count()).named(fmt::format("count {}", i)) |
           output(fmt::format("counts {}", i)));
  }
  const Directory directory;
  std::vector<double> seconds;
  for (std::size_t round = 0; round < settings().repetitions + 1; ++round) {
    std::optional<Runtime> runtime;
    const double with_nothing = seconds_of([&] { Runtime(flow, {}); });
    const double opened = seconds_of(
        [&] { runtime.emplace(flow, RuntimeOptions{}, checkpoints(directory.path(), {.begin_if_empty = true})); });
    if (round != 0) seconds.push_back(opened - with_nothing);
    (*runtime)[in].push(static_cast<Key>(round));
    runtime->step();
    runtime->checkpoint().get();
  }
  for (auto _ : state) state.SetIterationTime(median(seconds));
  state.counters["seconds"] = median(seconds);
}

}  // namespace

void add_checkpoint_benchmarks() {
  add_plain("checkpoint/10000000_keys/written", write_checkpoints);
  add_plain("checkpoint/10000000_keys/restored", restore);
  add_plain("checkpoint/10000000_keys/steps_paced", [](auto& state) { steps_meanwhile(state, 1, true); });
  add_plain("checkpoint/10000000_keys/steps_back_to_back", [](auto& state) { steps_meanwhile(state, 2, false); });
  add_plain("checkpoint/2000000_rows_a_side/written", write_joins);
  add_plain("checkpoint/thousand_operators/opened", open_many);
}

}  // namespace lockstep::bench
