#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <lockstep.hpp>
#include <set>
#include <thread>
#include <tuple>

#include "tests/delta_text.hpp"

namespace ls = lockstep;
using Number = std::int64_t;
using Pair = std::pair<Number, Number>;

namespace {

/// How many of each number modulo ten, contents kept.
struct Counts {
  explicit Counts(const ls::RuntimeOptions& options = {}, ls::IndexLimits limits = {})
      : runtime(std::make_unique<ls::Runtime>(flow, with(options, limits))) {}
  static ls::RuntimeOptions with(ls::RuntimeOptions options, ls::IndexLimits limits) {
    options.limits = limits;
    return options;
  }

  ls::Dataflow flow;
  ls::Input<Number> in = flow.input<Number>("in");
  ls::Output<Pair> out =
      in | ls::group_by([](Number n) { return n % 10; }, ls::count()) | ls::output("counts", ls::accumulated);
  std::unique_ptr<ls::Runtime> runtime;
};

}  // namespace

TEST_CASE("a step with nothing staged still ticks", "[runtime]") {
  Counts counts;
  CHECK(counts.runtime->latest().number() == 0);
  CHECK(counts.runtime->step().number() == 1);
  CHECK(counts.runtime->step().number() == 2);
  CHECK(counts.runtime->step()[counts.out].empty());
  CHECK(counts.runtime->latest().number() == 3);
}

TEST_CASE("a step stays as it is, across later steps, stop and the end of its runtime", "[runtime]") {
  Counts counts({.workers = GENERATE(1U, 3U), .threads = GENERATE(1U, 2U)});
  std::vector<ls::Step> steps;
  std::vector<std::string> texts;
  for (Number i = 0; i < 20; ++i) {
    counts.runtime->operator[](counts.in).push(std::vector<Number>{i, i / 2});
    steps.push_back(counts.runtime->step());
    texts.push_back(text(steps.back()[counts.out]));
  }
  counts.runtime->start();
  (*counts.runtime)[counts.in].push(1);
  counts.runtime->stop();
  counts.runtime.reset();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    CHECK(steps[i].number() == i + 1);
    CHECK(text(steps[i][counts.out]) == texts[i]);
  }
  CHECK(texts[0] == "(0, 2) +1");
}

TEST_CASE("what is read of a temporary step owns it", "[runtime]") {
  Counts counts;
  (*counts.runtime)[counts.in].push(3);
  const auto delta = counts.runtime->step()[counts.out];
  for (int i = 0; i < 5; ++i) {
    (*counts.runtime)[counts.in].push(3);
    counts.runtime->step();
  }
  CHECK(text(delta) == "(3, 1) +1");
  std::string seen;
  (*counts.runtime)[counts.in].push(4);
  for (const auto& [row, weight] : counts.runtime->step()[counts.out]) seen += ls::to_string(row);
  CHECK(seen == "(4, 1)");
}

TEST_CASE("a snapshot keeps the contents of its step, whatever comes later", "[runtime]") {
  Counts counts({.workers = GENERATE(1U, 3U)}, GENERATE(ls::IndexLimits{}, ls::IndexLimits::minimum()));
  std::vector<ls::Snapshot> snapshots;
  std::vector<std::string> texts;
  for (Number i = 0; i < 50; ++i) {
    (*counts.runtime)[counts.in].push(std::vector<ls::Weighted<Number>>{{i, 1 + i % 3}, {i * i, -1}});
    counts.runtime->step();
    snapshots.push_back(counts.runtime->snapshot());
    texts.push_back(text(snapshots.back()[counts.out]));
  }
  CHECK(texts[0].empty());
  CHECK(texts[1] == "(1, 1) +1");
  counts.runtime->start();
  (*counts.runtime)[counts.in].push(1);
  counts.runtime->stop();
  counts.runtime.reset();
  for (std::size_t i = 0; i < snapshots.size(); ++i) {
    CHECK(snapshots[i].step() == i + 1);
    CHECK(text(snapshots[i][counts.out]) == texts[i]);
  }
}

TEST_CASE("two runtimes of one flow do not disturb each other, on two threads either", "[runtime]") {
  ls::Dataflow flow;
  auto in = flow.input<Number>("in");
  auto out = in | ls::group_by([](Number n) { return n % 10; }, ls::count()) | ls::output("counts", ls::accumulated);
  const auto run = [&](Number stride, unsigned workers) {
    ls::Runtime runtime(flow, {.workers = workers, .threads = 2, .small_step_rows = 0});
    for (Number i = 0; i < 200; ++i) {
      runtime[in].push(i * stride);
      runtime.step();
    }
    return text(runtime.snapshot()[out]);
  };
  const std::string twos = "(0, 40) +1, (2, 40) +1, (4, 40) +1, (6, 40) +1, (8, 40) +1";
  std::string other;
  std::thread thread([&] { other = run(5, 3); });
  CHECK(run(2, 2) == twos);
  thread.join();
  CHECK(other == "(0, 100) +1, (5, 100) +1");
}

TEST_CASE("metrics count rows and steps, and state bytes fall back when rows vanish", "[runtime]") {
  const unsigned workers = GENERATE(1U, 3U);
  ls::Dataflow flow;
  auto in = flow.input<Pair>("in");
  auto keyed = in | ls::key_by(&Pair::first);
  auto joined = keyed | ls::join(keyed, [](const Pair& a, const Pair&) { return a.second; });
  auto best = in | ls::group_by(&Pair::first, ls::count(), ls::min(&Pair::second));
  auto out = joined | ls::distinct() | ls::output("joined", ls::accumulated);
  (void)(best | ls::output("best", ls::accumulated));
  ls::Runtime runtime(flow, {.workers = workers});
  const std::size_t empty = runtime.metrics().state_bytes();
  std::vector<ls::Weighted<Pair>> rows;
  for (Number i = 0; i < 5000; ++i) rows.push_back({{i / 5, i}, 1});
  runtime[in].push(rows);
  const auto step = runtime.step();
  const auto full = runtime.metrics();
  CHECK(full.rows == 5000);
  CHECK(full.last_step.step == 1);
  CHECK(full.last_step.rows == 5000);
  CHECK(full.last_step.nanoseconds > 0);
  const auto sum = [&](const std::string& name, std::uint64_t ls::OperatorMetrics::*field) {
    std::uint64_t total = 0;
    for (const auto& one : runtime.metrics().operators) total += one.name.starts_with(name) ? one.*field : 0;
    return total;
  };
  CHECK(sum("in", &ls::OperatorMetrics::rows_out) == 5000);
  CHECK(sum("index(distinct", &ls::OperatorMetrics::rows_in) == step[out].size());
  CHECK(step[out].size() == 5000);
  CHECK(full.state_bytes() > 50'000);
  std::uint64_t busy = 0;
  for (unsigned worker = 0; worker < workers; ++worker) busy += full.worker_nanoseconds(worker);
  CHECK(busy > 0);
  for (auto& row : rows) row.weight = -1;
  runtime[in].push(rows);
  runtime.step();
  CHECK(runtime.metrics().rows == 10'000);
  CHECK(text(runtime.snapshot()[out]).empty());
  CHECK(runtime.metrics().state_bytes() < empty + full.state_bytes() / 20);
}

TEST_CASE("metrics of the last step are of the last step", "[runtime]") {
  std::atomic<bool> slow = false;
  auto flow = one_output<Number>(1, [&slow](auto& in) {
    return in | ls::map([&slow](Number n) {
             if (slow) std::this_thread::sleep_for(std::chrono::milliseconds(30));
             return n;
           }) |
           ls::output("out");
  });
  flow.step({{1, 1}});
  CHECK(flow.runtime.metrics().last_step.nanoseconds == 0);  // not known
  for (int i = 0; i < 70; ++i) flow.step({{1, 1}});
  slow = true;
  flow.step({{1, 1}});
  CHECK(flow.runtime.metrics().last_step.nanoseconds > 25'000'000);
  slow = false;
  flow.step({{1, 1}, {2, 1}});
  const auto last = flow.runtime.metrics().last_step;
  CHECK(last.step == 73);
  CHECK(last.rows == 2);
  CHECK(last.nanoseconds > 0);
  CHECK(last.nanoseconds < 20'000'000);
  flow.runtime.step();
  CHECK(flow.runtime.metrics().last_step.rows == 0);
}

TEST_CASE("metrics tell operators apart, though their names are the same", "[runtime]") {
  const auto add_one = [](Number n) { return n + 1; };
  ls::Dataflow flow;
  auto in = flow.input<Number>("in");
  auto one = in | ls::map(add_one);
  auto two = in | ls::map(add_one);
  (void)(one | ls::output("one"));
  (void)(two | ls::filter([](Number n) { return n > 2; }) | ls::output("two"));
  ls::Runtime runtime(flow, {.workers = 2, .threads = 1});
  std::set<std::tuple<ls::OperatorId, unsigned, bool>> ids;
  const auto metrics = runtime.metrics();
  for (const auto& op : metrics.operators) CHECK(ids.insert({op.id, op.worker, op.sender}).second);
  CHECK(std::count_if(metrics.operators.begin(), metrics.operators.end(),
                      [](const auto& op) { return op.name == "map(in)" && op.kind == "map"; }) == 4);  // at two workers
}

TEST_CASE("metrics tell an operator from its part before the exchange", "[runtime]") {
  Counts counts({.workers = 2, .threads = 1});
  (*counts.runtime)[counts.in].push(std::vector<Number>(100, 7));  // one key, combined by each worker
  counts.runtime->step();
  std::uint64_t rows[2][2] = {};  // in and out, by whether they are a sender's
  for (const auto& one : counts.runtime->metrics().operators) {
    if (!one.name.starts_with("group_by")) continue;
    rows[one.sender][0] += one.rows_in;
    rows[one.sender][1] += one.rows_out;
  }
  CHECK(rows[true][0] == 100);
  CHECK(rows[true][1] == 2);
  CHECK(rows[false][0] == 2);
  CHECK(rows[false][1] == 1);
}

TEST_CASE("an idle runtime that is started uses less than one percent of a core", "[runtime]") {
  const auto processor_seconds = [] {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  };
  Counts counts({.workers = 4, .threads = 4, .small_step_rows = 0});
  counts.runtime->start();
  const auto ticket = (*counts.runtime)[counts.in].push(1);
  counts.runtime->wait(ticket);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const double before = processor_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  CHECK(processor_seconds() - before < 0.005);
  CHECK(counts.runtime->latest().number() == 1);
}

TEST_CASE("a runtime has at least one worker", "[runtime]") {
  ls::Dataflow flow;
  (void)flow.input<Number>("in");
  CHECK_THROWS_AS(ls::Runtime(flow, {.workers = 0}), ls::UsageError);
  CHECK_THROWS_AS(ls::Runtime(flow, {.workers = 1025}), ls::UsageError);
}
