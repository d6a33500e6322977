#include <fmt/format.h>

#include <algorithm>

#include "bench/benchmarks.hpp"
#include "bench/history.hpp"
#include "bench/plain.hpp"
#include "bench/stopwatch.hpp"
#include "bench/together.hpp"
#include "exchange/exchange.hpp"
#include "lockstep.hpp"

namespace lockstep::bench {

namespace {

// Exchange alone: every worker sends rows to all by key, posts, receives; nothing is done with them. Its kernel is one
// thread that partitions the same rows into a vector for each receiver.

using Keyed = std::pair<std::uint64_t, std::int64_t>;

class Trader {
 public:
  Trader(std::shared_ptr<Transport> transport, Lane<Keyed>& lane, std::uint32_t number, unsigned worker,
         unsigned workers, std::span<const Weighted<Keyed>> rows)
      : transport_(std::move(transport)),
        worker_(worker),
        rows_(rows),
        source_(pulse_, 0),
        target_(pulse_, 1),
        sender_(EdgeReader<Keyed>(source_), Outbox<Keyed>(lane, number, *transport_, worker, workers)) {
    pulse_.dirty.resize(1);
    lane.connect(worker, target_);
  }

  void send() {
    ++pulse_.beat;
    source_.borrow().push_back(rows_);
    source_.send_borrowed();
    Activation activation{.time = {pulse_.beat, 0}, .beat = pulse_.beat};
    sender_.eval(activation);
    transport_->post(worker_, 0, {pulse_.beat, 0});
  }
  bool receive() {
    if (!transport_->receive(worker_, 0, {pulse_.beat, 0}, pulse_.beat)) return false;
    received_ += target_.size();
    return true;
  }
  std::size_t received() const { return received_; }

 private:
  std::shared_ptr<Transport> transport_;
  unsigned worker_;
  std::span<const Weighted<Keyed>> rows_;
  Pulse pulse_;
  Edge<Keyed> source_;
  Edge<Keyed> target_;
  Sender<EdgeReader<Keyed>, route::ByKey> sender_;
  std::size_t received_ = 0;
};

double partition_seconds(std::span<const Weighted<Keyed>> rows, unsigned workers, std::size_t steps) {
  std::vector<Batch<Keyed>> parts(workers);
  double spent = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    for (auto& part : parts) part.clear();
    const double before = wall_seconds();
    for (const auto& item : rows) parts[route::ByKey()(item.row, workers)].push_back(item);
    spent += wall_seconds() - before;
    benchmark::DoNotOptimize(parts.data());
  }
  return spent;
}

void exchange_alone(benchmark::State& state, unsigned workers, unsigned threads) {
  constexpr std::size_t kRows = 25'000;  // of a worker in a step
  const std::size_t steps = std::max<std::size_t>(4, settings().rows(400));
  Batch<Keyed> rows;
  Random random(8);
  for (std::size_t i = 0; i < kRows; ++i) rows.push_back({{random.next(), 1}, 1});
  const std::shared_ptr<Transport> transport = Channels::make(workers);
  const std::uint32_t number = transport->add_lane(std::make_unique<Lane<Keyed>>(workers));
  auto& lane = static_cast<Lane<Keyed>&>(transport->lane(number));
  std::vector<std::unique_ptr<Doorbell>> bells;
  std::vector<Doorbell*> bells_by_worker;
  std::vector<std::unique_ptr<Trader>> traders;
  for (unsigned thread = 0; thread < threads; ++thread) bells.push_back(std::make_unique<Doorbell>());
  for (unsigned worker = 0; worker < workers; ++worker) {
    bells_by_worker.push_back(bells[worker % threads].get());
    traders.push_back(std::make_unique<Trader>(transport, lane, number, worker, workers, rows));
  }
  transport->open(1, bells_by_worker);

  const double spent = together(threads, [&](unsigned thread) {
    for (std::size_t step = 0; step < steps; ++step) {
      for (unsigned worker = thread; worker < workers; worker += threads) traders[worker]->send();
      for (unsigned worker = thread; worker < workers; worker += threads) {
        bells[thread]->wait_until(true, [&] { return traders[worker]->receive(); });
      }
    }
  });
  const double all = static_cast<double>(kRows * steps * workers);
  std::size_t received = 0;
  for (const auto& trader : traders) received += trader->received();
  for (auto _ : state) state.SetIterationTime(spent);
  state.counters["rows_per_s"] = all / spent;
  state.counters["ns_per_row"] = 1e9 * spent / all;
  state.counters["kernel_rows_per_s"] = static_cast<double>(kRows * steps) / partition_seconds(rows, workers, steps);
  check(state, received == kRows * steps * workers, "rows were lost in the exchange");
}

/// Steps with nothing staged, of a dataflow with one exchange.
void barrier_alone(benchmark::State& state, unsigned workers, unsigned threads) {
  Dataflow flow;
  auto input = flow.input<std::uint64_t>("keys");
  auto counts = input | group_by(value, count()) | output("counts");
  Runtime runtime(flow, {.workers = workers, .threads = threads, .small_step_rows = 0});
  const std::size_t steps = settings().rows(200'000);
  for (std::size_t i = 0; i < 1000; ++i) runtime.step();
  show(state, nanoseconds_of(steps, [&] { runtime.step(); }));
  check(state, runtime.latest().number() == steps + 1000, "steps were lost");
}

}  // namespace

void add_exchange_benchmarks() {
  for (const auto& [workers, threads] : {std::pair{2U, 1U}, {4U, 1U}, {2U, 2U}, {4U, 2U}}) {
    add_plain(fmt::format("exchange/{}_workers_{}_threads", workers, threads),
              [workers = workers, threads = threads](auto& state) { exchange_alone(state, workers, threads); });
  }
  for (const auto& [workers, threads] : {std::pair{1U, 1U}, {2U, 1U}, {4U, 1U}, {2U, 2U}, {4U, 2U}}) {
    add_plain(fmt::format("barrier/{}_workers_{}_threads", workers, threads),
              [workers = workers, threads = threads](auto& state) { barrier_alone(state, workers, threads); });
  }
}

}  // namespace lockstep::bench
