#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <lockstep.hpp>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <thread>

#include "exchange/channels.hpp"

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
  auto owned =
      std::make_unique<ls::Runtime>(flow, ls::RuntimeOptions{.workers = 8,
                                                             .threads = 6,
                                                             .small_step_rows = small_step_rows,
                                                             .stage_bytes = 64 * sizeof(ls::Weighted<std::int64_t>)});
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
  std::vector<ls::SavedState> saves;
  std::thread saver([&] {
    while (!done && saves.size() < 30) {
      saves.push_back(runtime.save());
      std::this_thread::sleep_for(std::chrono::milliseconds(3));
    }
  });
  Sums sums_left;
  Sums sums_right;
  std::vector<Sums> by_step(1);
  std::uint64_t seen = 0;
  std::size_t wrong = 0;
  std::thread subscriber([&] {
    while (const auto step = steps.next()) {
      wrong += step->number() != ++seen;
      add(sums_left, (*step)[out_left]);
      add(sums_right, (*step)[out_right]);
      wrong += sums_left != sums_right || !(*step)[differences].empty();
      by_step.push_back(sums_left);
    }
  });
  for (auto& pusher : pushers) pusher.join();
  done = true;
  snapshots.join();
  saver.join();
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
  // Each save is of one step, though others were taken while it was written.
  REQUIRE(!saves.empty());
  for (const ls::SavedState& saved : saves) {
    ls::Runtime loaded(flow, {.workers = 3, .threads = 1}, saved);
    REQUIRE(loaded.latest().number() < by_step.size());
    REQUIRE(contents(loaded.snapshot()[out_left]) == by_step[loaded.latest().number()]);
    REQUIRE(contents(loaded.snapshot()[out_right]) == by_step[loaded.latest().number()]);
  }
  CHECK(contents(last[out_left]) == expected);
}

namespace {

using namespace std::chrono_literals;

/// Waits until it is true, but not for ever.
template <class Condition>
void await(Condition&& condition) {
  const auto end = std::chrono::steady_clock::now() + 5s;
  while (!condition() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(100us);
}

/// A row that can be held up in the midst of a push: in its n-th move.
struct Halting {
  Number id = 0;

  static inline std::atomic<int> moves_left = 0;  // until it halts
  static inline std::atomic<bool> halted = false;
  static inline std::atomic<bool> may_go = true;

  Halting() = default;
  explicit Halting(Number id) : id(id) {}
  Halting(const Halting&) = default;
  Halting& operator=(const Halting&) = default;
  Halting(Halting&& other) noexcept : id(other.id) {
    if (id != 2 || --moves_left != 0) return;
    halted = true;
    await([] { return may_go.load(); });
  }
  Halting& operator=(Halting&& other) noexcept = default;
  ~Halting() = default;
};
BOOST_DESCRIBE_STRUCT(Halting, (), (id))

}  // namespace

TEST_CASE("a push that is held up while the runtime stops is refused, or its row is in a step", "[stress]") {
  ls::Dataflow flow;
  const auto in = flow.input<Halting>("in");
  std::atomic<bool> stepping = false;
  std::atomic<bool> step_may_end = false;
  (void)(in | ls::map([&](const Halting& row) {
           stepping = true;
           await([&] { return step_may_end.load(); });
           return row.id;
         }) |
         ls::output("out"));
  for (int moves = 1; moves <= 6; ++moves) {
    ls::Runtime runtime(flow);
    const auto session = runtime.open_session();
    runtime.start({.rows = 1, .every = 0ms});
    stepping = step_may_end = Halting::halted = Halting::may_go = false;
    Halting::moves_left = moves;
    runtime[in].push(Halting(1));
    await([&] { return stepping.load(); });
    auto pusher = std::async([&]() -> std::optional<ls::Ticket> {
      try {
        return (*session)[in].push(Halting(2));
      } catch (const ls::UsageError&) {
        return std::nullopt;
      }
    });
    await([&] { return Halting::halted || pusher.wait_for(0s) == std::future_status::ready; });
    auto stopper = std::async([&] { runtime.stop(); });
    std::this_thread::sleep_for(10ms);
    step_may_end = true;
    std::this_thread::sleep_for(10ms);
    const bool comes_after = stopper.wait_for(0s) == std::future_status::ready;  // it was held up before it had begun
    Halting::may_go = true;
    const auto ticket = pusher.get();
    stopper.get();
    if (ticket && comes_after) runtime.step();
    if (ticket) CHECK(runtime.wait(*ticket) == ticket->step);
  }
}

namespace {

/// There is no memory for what has come, when the worker that it is for looks a last time before it sleeps.
class Unlucky final : public ls::Transport {
 public:
  static inline std::atomic<bool> armed = false;

  explicit Unlucky(unsigned workers) : channels_(workers) {}
  static std::unique_ptr<ls::Transport> make(unsigned workers) { return std::make_unique<Unlucky>(workers); }

  std::uint32_t add_lane(std::unique_ptr<ls::LaneBase> lane) override { return channels_.add_lane(std::move(lane)); }
  ls::LaneBase& lane(std::uint32_t number) override { return channels_.lane(number); }
  void give_back_idle() override { channels_.give_back_idle(); }
  void open(unsigned levels, std::vector<ls::Doorbell*> bells) override {
    bells_ = bells;
    channels_.open(levels, std::move(bells));
  }
  void announce(unsigned from, unsigned to, std::uint32_t lane) override { channels_.announce(from, to, lane); }
  void post(unsigned from, unsigned level, ls::Time time) override { channels_.post(from, level, time); }
  bool receive(unsigned to, unsigned level, ls::Time time, std::uint64_t beat) override {
    if (to != 1 || !armed) return channels_.receive(to, level, time, beat);
    if (!bells_[1]->asleep()) return false;
    armed = false;
    throw std::bad_alloc();
  }

 private:
  ls::Channels channels_;
  std::vector<ls::Doorbell*> bells_;
};

}  // namespace

TEST_CASE("a step fails for want of memory though its worker was about to sleep", "[stress]") {
  ls::Dataflow flow;
  const auto in = flow.input<Number>("in");
  (void)(in | ls::distinct() | ls::output("out"));
  const_cast<ls::Description&>(*flow.description()).transport = &Unlucky::make;
  ls::Runtime runtime(flow, {.workers = 2, .threads = 2, .small_step_rows = 0});
  for (Number row = 0; row < 100; ++row) runtime[in].push(row);
  Unlucky::armed = true;
  auto step = std::async([&] { runtime.step(); });
  REQUIRE(step.wait_for(20s) == std::future_status::ready);
  CHECK_THROWS_AS(step.get(), ls::StepFailed);
}
