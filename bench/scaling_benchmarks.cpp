#include <fmt/format.h>

#include "bench/benchmarks.hpp"
#include "bench/engines/engines.hpp"
#include "runtime/threads/processors.hpp"

namespace lockstep::bench {

namespace {

/// A benchmark's engine with so many workers and threads, and with one.
using Make = std::function<std::unique_ptr<Side>(const RuntimeOptions&)>;

struct Job {
  std::string name;
  std::size_t rows;
  std::size_t preload_steps;
  std::function<Make(std::size_t rows_per_step, std::size_t steps)> prepare;
};

Job count_job(std::size_t keys) {
  // Over few keys a row takes a nanosecond.
  const std::size_t rows = keys > 10 ? 10'000'000 : 40'000'000;
  return {fmt::format("count_{}_keys", keys), rows, 0, [=](std::size_t rows_per_step, std::size_t steps) -> Make {
            const auto history = random_keys(keys > 10 ? settings().rows(keys) : keys, rows_per_step, steps);
            return [=](const RuntimeOptions& options) { return count_engine(history, options); };
          }};
}

Job distinct_job() {
  return {"distinct_1000000_values", 10'000'000, 0, [](std::size_t rows_per_step, std::size_t steps) -> Make {
            const auto history = changing_values(settings().rows(1'000'000), rows_per_step, steps);
            return [=](const RuntimeOptions& options) { return distinct_engine(history, options); };
          }};
}

Job join_job() {
  return {"join", 4'000'000, 1, [](std::size_t rows_per_step, std::size_t steps) -> Make {
            const std::size_t keys = settings().rows(1'000'000);
            const auto left = changing_items(3, keys, keys, rows_per_step / 2, steps);
            const auto right = changing_items(4, keys, keys, rows_per_step / 2, steps);
            return [=](const RuntimeOptions& options) { return join_engine(left, right, options); };
          }};
}

void add_scaling(const Job& job, unsigned workers, unsigned threads) {
  const std::size_t rows_per_step = settings().rows_per_step(100'000);
  const std::size_t steps = settings().rows(job.rows) / rows_per_step;
  add({.name = fmt::format("scaling/{}/{}_workers_{}_threads", job.name, workers, threads),
       .rows_per_step = rows_per_step,
       .steps = steps,
       .preload_steps = job.preload_steps,
       .threads = threads,
       .prepare = [=]() -> std::vector<Contestant> {
         const Make make = job.prepare(rows_per_step, steps);
         return {{"engine", [=] { return make({.workers = workers, .threads = threads}); }},
                 {"one_worker", [=] { return make({.workers = 1, .threads = 1}); }}};
       }});
}

}  // namespace

void add_scaling_benchmarks() {
  for (const Job& job : {join_job(), count_job(10), count_job(1'000'000), distinct_job()}) {
    add_scaling(job, 2, 2);
    for (unsigned threads = 4; threads <= allowed_processors(); threads *= 2) add_scaling(job, threads, threads);
  }
  for (const Job& job : {count_job(1'000'000), join_job()}) add_scaling(job, 4, 1);
}

}  // namespace lockstep::bench
