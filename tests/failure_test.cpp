#include <atomic>
#include <catch2/catch.hpp>
#include <lockstep.hpp>
#include <thread>

#include "tests/delta_text.hpp"

namespace ls = lockstep;
using namespace std::chrono_literals;
using Number = std::int64_t;
using Pair = std::pair<Number, Number>;
using Catch::Matchers::Contains;

namespace {

/// The number that no function here can bear.
constexpr Number kBad = 13;

Number bear(Number n) {
  if (n == kBad) throw std::runtime_error("unlucky");
  return n;
}
Number bear_second(const Pair& row) { return bear(row.second); }

/// Adds up what passes through, and cannot bear the bad number.
class Fragile {
 public:
  template <class Reader>
  void eval(Reader& in, ls::Batch<Number>& out) {
    in.for_each([&](const Pair& row, ls::Weight weight) { out.push_back({bear(row.second), weight}); });
  }
};

struct FragileMaker {
  template <ls::Expression E>
  auto apply(const E& in) const {
    return ls::add_part<ls::Stream<Number>>(
        in.flow(), {"fragile", "the culprit"}, [](const ls::Site&) { return Fragile(); }, ls::reads::in_place(in));
  }
};

struct Suspect {
  std::string name;
  /// The row that is to be blamed, when the bad row is (1, 13).
  std::string row;
  std::function<void(ls::Input<Pair>&)> add;
};

/// Every operator with a function of the user's, each as the only one that can fail.
const std::vector<Suspect>& suspects() {
  const auto out = [](auto&& stream) { (void)(stream | ls::output("of the suspect")); };
  const std::string whole = "(1, 13)";
  static const std::vector<Suspect> all{
      {"map", whole, [=](auto& in) { out(in | ls::map(bear_second).named("the culprit")); }},
      {"filter", whole,
       [=](auto& in) { out(in | ls::filter([](const Pair& p) { return bear_second(p) > 0; }).named("the culprit")); }},
      {"flat_map", whole,
       [=](auto& in) {
         out(in | ls::flat_map([](const Pair& p) { return std::vector<Number>{bear_second(p)}; }).named("the culprit"));
       }},
      {"inspect", whole,
       [=](auto& in) {
         out(in | ls::inspect([](const Pair& p, ls::Weight) { bear_second(p); }).named("the culprit"));
       }},
      {"key_by", whole, [=](auto& in) { out(in | ls::key_by(bear_second).named("the culprit")); }},
      {"key_by's value", whole,
       [=](auto& in) { out(in | ls::key_by(&Pair::first, bear_second).named("the culprit")); }},
      {"join that keeps the key", "(1, 13, 13)",
       [=](auto& in) {
         auto keyed = in | ls::key_by(&Pair::first, &Pair::second);
         out(keyed | ls::join(keyed, [](Number a, Number b) { return a == b ? bear(a) : 0; }).named("the culprit"));
       }},
      {"join that sees the key", "(1, 13, 13)",
       [=](auto& in) {
         auto keyed = in | ls::key_by(&Pair::first, &Pair::second);
         out(keyed |
             ls::join(keyed, [](Number, Number a, Number b) { return a == b ? bear(b) : 0; }).named("the culprit"));
       }},
      {"group_by's key", whole,
       [=](auto& in) { out(in | ls::group_by(bear_second, ls::count()).named("the culprit")); }},
      {"sum", whole,
       [=](auto& in) { out(in | ls::group_by(&Pair::first, ls::sum(bear_second)).named("the culprit")); }},
      {"avg", whole, [=](auto& in) { out(in | ls::aggregate(ls::avg(bear_second)).named("the culprit")); }},
      {"min", whole,
       [=](auto& in) { out(in | ls::group_by(&Pair::first, ls::min(bear_second)).named("the culprit")); }},
      {"max", whole, [=](auto& in) { out(in | ls::aggregate(ls::max(bear_second)).named("the culprit")); }},
      {"an operator of the user's", "", [=](auto& in) { out(in | FragileMaker()); }},
  };
  return all;
}

template <class Function>
ls::StepFailed failure_of(Function&& function) {
  try {
    function();
  } catch (const ls::StepFailed& failure) {
    return failure;
  }
  FAIL("StepFailed was not thrown");
  throw;
}

/// A started runtime that fails at the bad number.
struct Started {
  explicit Started(const ls::RuntimeOptions& options) : runtime(flow, options) {}

  ls::Dataflow flow;
  ls::Input<Number> in = flow.input<Number>("in");
  ls::Output<Number> out = in | ls::map(bear) | ls::output("out", ls::accumulated);
  ls::Runtime runtime;
};

/// A row that cannot be copied at the n-th time.
struct Brittle {
  Number value = 0;

  static inline std::atomic<int> copies_left = 0;  // 0: no copy throws

  Brittle() = default;
  explicit Brittle(Number number) : value(number) {}
  Brittle(const Brittle& other) : value(other.value) {
    if (copies_left.load() > 0 && copies_left.fetch_sub(1) == 1) throw std::runtime_error("no memory");
  }
  Brittle(Brittle&&) noexcept = default;
  Brittle& operator=(const Brittle& other) { return *this = Brittle(other); }
  Brittle& operator=(Brittle&&) noexcept = default;
  ~Brittle() = default;
};
BOOST_DESCRIBE_STRUCT(Brittle, (), (value))

/// One step in which the n-th copy of a row throws.
void step_with_brittle_rows(const ls::RuntimeOptions& options, int copies) {
  ls::Dataflow flow;
  auto in = flow.input<Brittle>("in");
  auto rows = in | ls::distinct();
  (void)(rows | ls::output("first"));
  (void)(rows | ls::output("second"));
  (void)(in | ls::group_by(&Brittle::value, ls::count()) | ls::output("counts"));
  ls::Runtime runtime(flow, options);
  for (Number i = 0; i < 6; ++i) runtime[in].push(Brittle(i));
  Brittle::copies_left = copies;
  try {
    runtime.step();
  } catch (...) {
    Brittle::copies_left = 0;
    CHECK_THROWS_AS(runtime.step(), ls::StepFailed);
    throw;
  }
}

}  // namespace

TEST_CASE("a row that cannot be copied fails the step, wherever that is", "[failure]") {
  const ls::RuntimeOptions options = GENERATE(ls::RuntimeOptions{}, ls::RuntimeOptions{.workers = 4, .threads = 1},
                                              ls::RuntimeOptions{.workers = 4, .threads = 2, .small_step_rows = 0});
  constexpr int kMany = 1'000'000;
  step_with_brittle_rows(options, kMany);
  const int copies = kMany - Brittle::copies_left.exchange(0);
  CHECK(copies > 12);  // each row into two outputs
  for (int copy = 1; copy <= copies; ++copy) {
    CHECK_THROWS_AS(step_with_brittle_rows(options, copy), ls::StepFailed);
  }
}

TEST_CASE("a function that throws fails the step, which is blamed on operator, row and cause", "[failure]") {
  const ls::RuntimeOptions options = GENERATE(ls::RuntimeOptions{}, ls::RuntimeOptions{.workers = 4, .threads = 1},
                                              ls::RuntimeOptions{.workers = 4, .threads = 2},
                                              ls::RuntimeOptions{.workers = 4, .threads = 2, .small_step_rows = 0},
                                              ls::RuntimeOptions{.workers = 4, .schedule_seed = 7});
  for (const Suspect& suspect : suspects()) {
    INFO(suspect.name << " at " << options.workers << " workers");
    ls::Dataflow flow;
    auto in = flow.input<Pair>("in");
    auto all = in | ls::output("all", ls::accumulated);
    suspect.add(in);
    ls::Runtime runtime(flow, options);
    runtime[in].push(std::vector<Pair>{{1, 1}, {2, 2}, {3, 3}});
    const auto good = runtime.step();
    const auto snapshot = runtime.snapshot();
    const auto saved = runtime.save();
    runtime[in].push(std::vector<Pair>{{4, 4}, {1, kBad}, {5, 5}, {6, 6}});
    const auto failure = failure_of([&] { runtime.step(); });
    CHECK(failure.operator_name() == "the culprit");
    CHECK(failure.step() == 2);
    CHECK(failure.row() == suspect.row);
    CHECK(failure.cause() == "unlucky");
    CHECK_THROWS_WITH(std::rethrow_exception(failure.nested()), "unlucky");
    CHECK_THAT(failure.what(), Contains("the culprit") && Contains("step 2") && Contains("unlucky"));

    const auto fails_alike = [&](auto&& function) {
      CHECK(failure_of(function).what() == std::string(failure.what()));
    };
    fails_alike([&] { runtime.step(); });
    fails_alike([&] { runtime[in].push({1, 1}); });
    fails_alike([&] { (void)runtime[in].try_push({1, 1}); });
    fails_alike([&] { runtime.transaction([&](auto transaction) { transaction[in].push({1, 1}); }); });
    fails_alike([&] { runtime.wait({2}); });
    fails_alike([&] { runtime.wait({9}); });
    fails_alike([&] { runtime.start(); });
    fails_alike([&] { (void)runtime.save(); });
    fails_alike([&] { (void)runtime.snapshot(); });
    fails_alike([&] { (void)runtime.subscribe(); });

    CHECK(runtime.latest().number() == 1);
    CHECK(text(good[all]) == "(1, 1) +1, (2, 2) +1, (3, 3) +1");
    CHECK(text(snapshot[all]) == text(good[all]));

    ls::Runtime again(flow, options, saved);
    again[in].push({7, 7});
    CHECK(text(again.step()[all]) == "(7, 7) +1");
    CHECK(again.snapshot()[all].size() == 4);
    CHECK(again.latest().number() == 2);
  }
}

TEST_CASE("a failure wakes all who wait, and the destructor does not hang", "[failure]") {
  const ls::RuntimeOptions options = GENERATE(
      ls::RuntimeOptions{.stage_bytes = 4 * sizeof(ls::Weighted<std::int64_t>)},
      ls::RuntimeOptions{.workers = 4, .threads = 1, .stage_bytes = 4 * sizeof(ls::Weighted<std::int64_t>)},
      ls::RuntimeOptions{
          .workers = 4, .threads = 2, .small_step_rows = 0, .stage_bytes = 4 * sizeof(ls::Weighted<std::int64_t>)});
  std::atomic<int> woken = 0;
  std::vector<std::thread> threads;
  {
    Started started(options);
    auto steps = started.runtime.subscribe(1);
    const auto session = started.runtime.open_session();
    started.runtime.start({.rows = 1});
    started.runtime.wait(started.runtime[started.in].push(1));
    // The subscription is full, so the clock waits, and so do all who push or wait.
    started.runtime[started.in].push(std::vector<Number>{2, kBad, 3, 4});
    const auto catches = [&](auto function) {
      threads.emplace_back([&woken, function] {
        try {
          function();
        } catch (const ls::StepFailed& failure) {
          woken += failure.cause() == "unlucky";
        }
      });
    };
    catches([&] { started.runtime[started.in].push(std::vector<Number>(10, 5)); });
    catches([&] { started.runtime.wait({2}); });
    catches([&] { (*session)[started.in].push(std::vector<Number>(10, 5)); });
    std::this_thread::sleep_for(10ms);
    CHECK(woken == 0);
    CHECK(steps.next()->number() == 1);
    for (auto& thread : threads) thread.join();
    CHECK(woken == 3);
    CHECK(failure_of([&] { (void)steps.next(); }).step() == 2);
    CHECK(failure_of([&] { started.runtime[started.in].push(1); }).operator_name() == "map(in)");
    CHECK(text(started.runtime.latest()[started.out]) == "1 +1");
  }
}

TEST_CASE("a failed runtime stops, and fails still", "[failure]") {
  Started started({.workers = 2});
  started.runtime.start({.rows = 1});
  const auto ticket = started.runtime[started.in].push(kBad);
  failure_of([&] { started.runtime.wait(ticket); });
  started.runtime.stop();
  CHECK_FALSE(started.runtime.started());
  failure_of([&] { started.runtime.step(); });
  failure_of([&] { started.runtime.start(); });
}

TEST_CASE("a failure while stopping ends the stop", "[failure]") {
  Started started({.workers = 2, .threads = 2, .small_step_rows = 0});
  started.runtime.start({.rows = 1000, .every = 1h});
  started.runtime[started.in].push(kBad);
  CHECK(failure_of([&] { started.runtime.stop(); }).row() == "13");
  CHECK(failure_of([&] { started.runtime.step(); }).row() == "13");
}

TEST_CASE("a step that makes more state than is allowed fails, and names the operator", "[failure]") {
  ls::Dataflow flow;
  const auto in = flow.input<Number>("in");
  const auto counts = in | ls::group_by(ls::value, ls::count()) | ls::output("counts", ls::accumulated);
  const ls::RuntimeOptions options{.workers = GENERATE(1U, 3U), .max_state_bytes = 2'000'000};
  std::optional<ls::SavedState> saved;
  std::optional<ls::Snapshot> snapshot;
  {
    ls::Runtime runtime(flow, options);
    Number next = 0;
    const auto grow = [&] {
      for (int i = 0; i < 10'000; ++i) runtime[in].push(next++);
      runtime.step();
    };
    grow();
    saved.emplace(runtime.save());
    snapshot.emplace(runtime.snapshot());
    std::string what;
    try {
      for (int i = 0; i < 20; ++i) grow();
    } catch (const ls::StepFailed& failed) {
      what = failed.what();
      CHECK_THROWS_AS(std::rethrow_exception(failed.nested()), ls::StateTooLarge);
    }
    CHECK_THAT(what, Contains("group_by") && Contains("2000000 are the most"));
    CHECK(next > 20'000);
    CHECK(runtime.metrics().state_bytes() < 4'000'000);
  }
  CHECK((*snapshot)[counts].size() == 10'000);
  ls::Runtime again(flow, options, *saved);
  again[in].push(1);
  CHECK(again.step()[counts].size() == 2);
  ls::Runtime less(flow, {.max_state_bytes = 1000}, *saved);  // what is there may stay, and shrink
  less[in].push(1, -1);
  CHECK_NOTHROW(less.step());
}
