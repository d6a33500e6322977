#include <benchmark/benchmark.h>

#include <lockstep.hpp>
#include <vector>

#include "bench/benchmarks.hpp"
#include "bench/harness.hpp"
#include "bench/plain.hpp"
#include "bench/stopwatch.hpp"
#include "runtime/state/hash_table.hpp"

namespace lockstep::bench {

namespace {

using Key = std::int64_t;

constexpr std::size_t kRowsPerStep = 10'000;

Key key(std::uint64_t i) { return static_cast<Key>(i * 7919); }

/// Look-ups in a snapshot of a count, by keys that are there, beside probes of a table of the same keys and counts.
void look_up(benchmark::State& state) {
  const std::size_t keys = settings().rows(1'000'000);
  Dataflow flow;
  const auto in = flow.input<Key>("in");
  const auto counts = in | group_by(value, count()) | output("counts", accumulated);
  Runtime runtime(flow, {.workers = 2, .threads = 1});
  HashTable<Key, std::int64_t> table;
  for (std::size_t i = 0; i < keys; ++i) {
    runtime[in].push(key(i));
    table.insert(key(i), row_traits<Key>::hash(key(i)))->payload = 1;
  }
  runtime.step();
  const auto contents = runtime.snapshot()[counts];
  std::vector<double> found, probed;
  std::int64_t sum = 0;
  const auto keys_in_turn = [&](auto&& look) {
    std::uint64_t random = 1;
    return seconds_of([&] {
      for (std::size_t i = 0; i < keys; ++i) {
        random = random * 6364136223846793005 + 1442695040888963407;
        look(key((random >> 20) % keys));
      }
    });
  };
  for (std::size_t round = 0; round < settings().repetitions + 1; ++round) {
    found.push_back(keys_in_turn([&](Key one) { sum += *contents.find(one); }));
    probed.push_back(keys_in_turn([&](Key one) { sum -= table.find(one, row_traits<Key>::hash(one))->payload; }));
  }
  if (sum != 0) fail();
  const double each = median(found) / static_cast<double>(keys);
  for (auto _ : state) state.SetIterationTime(each);
  state.counters["ns"] = 1e9 * each;
  state.counters["times_probe"] = median(found) / median(probed);
}

/// Steps of 10,000 rows of a count over many keys while a snapshot is held that was taken before all of them, and has
/// been passed once; beside steps without one.
void steps_with_pin(benchmark::State& state) {
  const std::size_t keys = settings().rows(1'000'000);
  Dataflow flow;
  const auto in = flow.input<Key>("in");
  (void)(in | group_by(value, count()) | output("counts", accumulated));
  Runtime runtime(flow, {});
  std::vector<Key> rows;
  std::uint64_t random = 1;
  const auto pass = [&] {
    return seconds_of([&] {
      for (std::size_t done = 0; done < 4 * keys; done += kRowsPerStep) {
        rows.clear();
        for (std::size_t i = 0; i < kRowsPerStep; ++i) {
          random = random * 6364136223846793005 + 1442695040888963407;
          rows.push_back(key((random >> 20) % keys));
        }
        runtime[in].push(rows);
        runtime.step();
      }
    });
  };
  pass();
  std::vector<double> ratios;
  double alone = 0;
  for (std::size_t round = 0; round < settings().repetitions; ++round) {
    alone = pass();
    const Snapshot held = runtime.snapshot();
    pass();
    ratios.push_back(alone / pass());
  }
  for (auto _ : state) state.SetIterationTime(alone);
  state.counters["rate_ratio"] = median(ratios);
}

}  // namespace

void add_snapshot_benchmarks() {
  add_plain("snapshot/1000000_keys/looked_up", look_up);
  add_plain("snapshot/1000000_keys/steps_with_pin", steps_with_pin);
}

}  // namespace lockstep::bench
