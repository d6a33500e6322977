#include <atomic>
#include <catch2/catch.hpp>
#include <lockstep.hpp>
#include <map>
#include <memory>
#include <thread>

namespace ls = lockstep;
using Number = std::int64_t;
using Pair = std::pair<Number, Number>;

namespace {

constexpr Number kPushers = 4;
constexpr Number kTransactions = 10'000;
constexpr Number kKeys = 50;

using Sums = std::map<Number, Number>;

template <class View>
void add(Sums& sums, const View& delta) {
  for (const auto& [row, weight] : delta) {
    if ((sums[row.first] += weight * row.second) == 0) sums.erase(row.first);
  }
}

Sums contents(const ls::Contents<Pair>& of) {
  Sums sums;
  of.for_each([&](const Pair& row, ls::Weight weight) { sums[row.first] += weight * row.second; });
  return sums;
}

}  // namespace

TEST_CASE("with more workers and threads than cores, every step is whole and the end is the sum", "[stress]") {
  ls::Dataflow flow;
  auto left = flow.input<Pair>("left");
  auto right = flow.input<Pair>("right");
  auto left_sums = left | ls::group_by(&Pair::first, ls::sum(&Pair::second));
  auto right_sums = right | ls::group_by(&Pair::second, ls::sum(&Pair::first));
  auto out_left = left_sums | ls::output("left", ls::accumulated);
  auto out_right = right_sums | ls::output("right", ls::accumulated);
  // Both inputs get the same in each transaction, so no step may show a difference.
  auto differences = left_sums | ls::join(right_sums, [](Number a, Number b) { return a - b; }) |
                     ls::filter([](Number difference) { return difference != 0; }) | ls::output("differences");
  const std::size_t small_step_rows = GENERATE(0U, 50U);
  auto owned = std::make_unique<ls::Runtime>(
      flow, ls::RuntimeOptions{.workers = 8, .threads = 6, .small_step_rows = small_step_rows, .stage_rows = 64});
  ls::Runtime& runtime = *owned;
  auto steps = runtime.subscribe(4);
  runtime.start({.rows = 40, .every = std::chrono::microseconds(200)});

  std::vector<std::thread> pushers;
  for (Number pusher = 0; pusher < kPushers; ++pusher) {
    pushers.emplace_back([&, pusher] {
      const auto session = runtime.open_session();
      ls::Ticket last;
      for (Number i = 0; i < kTransactions; ++i) {
        last = session->transaction([&](auto transaction) {
          const Number key = (i * kPushers + pusher) % kKeys;
          transaction[left].push({key, i});
          transaction[right].push({i, key});
          if (i % 3 == 0) {
            transaction[left].push({key, 7}, -2);
            transaction[right].push({7, key}, -2);
          }
        });
      }
      if (runtime.wait(last) != last.step) std::abort();
    });
  }
  std::atomic<bool> done = false;
  std::size_t torn = 0;
  std::thread snapshots([&] {
    while (!done) {
      const auto snapshot = runtime.snapshot();
      torn += contents(snapshot[out_left]) != contents(snapshot[out_right]);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  Sums sums_left;
  Sums sums_right;
  std::uint64_t seen = 0;
  std::size_t wrong = 0;
  std::thread subscriber([&] {
    while (const auto step = steps.next()) {
      wrong += step->number() != ++seen;
      add(sums_left, (*step)[out_left]);
      add(sums_right, (*step)[out_right]);
      wrong += sums_left != sums_right || !(*step)[differences].empty();
    }
  });
  for (auto& pusher : pushers) pusher.join();
  done = true;
  snapshots.join();
  runtime.stop();
  const auto last = runtime.snapshot();
  owned.reset();
  subscriber.join();

  Sums expected;
  for (Number pusher = 0; pusher < kPushers; ++pusher) {
    for (Number i = 0; i < kTransactions; ++i) {
      expected[(i * kPushers + pusher) % kKeys] += i - (i % 3 == 0 ? 14 : 0);
    }
  }
  CHECK(torn == 0);
  CHECK(wrong == 0);
  CHECK(seen == last.step());
  CHECK(sums_left == expected);
  CHECK(contents(last[out_left]) == expected);
}
