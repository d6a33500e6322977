#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <limits>
#include <lockstep.hpp>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

// Event time at the border: which rows are late, and up to when an input is complete.

namespace ls = lockstep;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Number = std::int64_t;

namespace {

struct Event {
  Number id;
  Number at;
  Number arrived;
};
BOOST_DESCRIBE_STRUCT(Event, (), (id, at, arrived))

constexpr Number kLateness = 5;

struct Events {
  ls::Dataflow flow;
  ls::Input<Event> in = flow.input<Event>("in", {}, ls::event_time(&Event::at, kLateness));
  ls::Output<Event> out = in | ls::output("out");
  ls::Output<ls::LedgerRow> ledger = ls::ledger(in);
};

Event at(Number time, Number id = 0) { return {id, time, 0}; }

std::vector<Number> times(const ls::Step& step, const ls::Output<Event>& output) {
  std::vector<Number> found;
  for (const auto& [row, weight] : step[output]) found.insert(found.end(), static_cast<std::size_t>(weight), row.at);
  std::sort(found.begin(), found.end());
  return found;
}

using Times = std::vector<Number>;

}  // namespace

TEST_CASE("a row is late if it is dated before its session's watermark, the latest time so far less the lateness",
          "[event_time]") {
  Events events;
  ls::Runtime runtime(events.flow);
  auto in = runtime[events.in];
  for (const Number time : {10, 5, 4, 20, 15, 14}) in.push(at(time));
  const ls::Step step = runtime.step();
  CHECK(times(step, events.out) == Times{5, 10, 15, 20});
  CHECK(step.watermark(events.in) == 15);
  const auto late = step[events.ledger].sorted();
  REQUIRE(late.size() == 2);
  CHECK(ls::to_string(late[0].row) ==
        R"({reason: "late: the watermark is 15", session: 0, position: 5, event_time: 14, )"
        R"(row: "{id: 0, at: 14, arrived: 0}", weight: 1})");
  CHECK(late[1].row.position == 2);
}

TEST_CASE("rows of a range or a transaction are judged one by one, where they join the session's others",
          "[event_time]") {
  Events events;
  ls::Runtime runtime(events.flow);
  const auto session = runtime.open_session();
  const ls::Transaction transaction = session->begin_transaction();
  transaction[events.in].push(at(3));
  transaction[events.in].push(std::vector{at(12), at(6), at(7)});
  (*session)[events.in].push(at(10));  // before the transaction, which is staged later
  session->commit(transaction);
  CHECK((*session)[events.in].try_push(std::vector{at(30), at(24), at(25)}) == 3);
  const ls::Step step = runtime.step();
  CHECK(times(step, events.out) == Times{7, 10, 12, 25, 30});
  std::map<std::uint64_t, std::optional<Number>> late;
  for (const auto& [row, weight] : step[events.ledger]) late[row.position] = row.event_time;
  CHECK(late == std::map<std::uint64_t, std::optional<Number>>{{1, 3}, {3, 6}, {6, 24}});
  CHECK(session->position(events.in) == 8);
}

TEST_CASE("sessions have watermarks of their own, and the input's is the least of them", "[event_time]") {
  Events events;
  ls::Runtime runtime(events.flow);
  const auto first = runtime.open_session();
  const auto second = runtime.open_session();
  CHECK(runtime.step().watermark(events.in) == std::nullopt);
  (*second)[events.in].set_active();
  (*first)[events.in].push(at(100));
  CHECK(runtime.step().watermark(events.in) == std::nullopt);  // the second might push anything
  (*second)[events.in].push(at(20));
  (*first)[events.in].push(at(200));
  const ls::Step step = runtime.step();
  CHECK(times(step, events.out) == Times{20, 200});
  CHECK(step.watermark(events.in) == 15);
  (*second)[events.in].push(at(300));
  CHECK(runtime.step().watermark(events.in) == 195);
  CHECK(runtime.step().watermark(events.in) == 195);
}

TEST_CASE("an idle session does not hold the watermark back, and is raised to it when it pushes again",
          "[event_time]") {
  Events events;
  ls::Runtime runtime(events.flow);
  const auto first = runtime.open_session();
  const auto second = runtime.open_session();
  (*first)[events.in].push(at(10));
  (*second)[events.in].push(at(100));
  CHECK(runtime.step().watermark(events.in) == 5);
  (*first)[events.in].set_idle();
  CHECK(runtime.step().watermark(events.in) == 95);
  (*first)[events.in].push(at(94));
  (*first)[events.in].push(std::vector{at(95), at(93), at(12)});
  const ls::Step back = runtime.step();
  CHECK(times(back, events.out) == Times{95});
  CHECK(back.watermark(events.in) == 95);
  std::vector<std::uint64_t> late;
  for (const auto& [row, weight] : back[events.ledger]) late.push_back(row.position);
  std::sort(late.begin(), late.end());
  CHECK(late == std::vector<std::uint64_t>{1, 3, 4});
  (*second)[events.in].push(at(200));
  CHECK(runtime.step().watermark(events.in) == 95);
  (*first)[events.in].push(at(94));  // its own watermark has been raised
  CHECK(runtime.step()[events.ledger].size() == 1);
}

TEST_CASE("when all sessions are idle, the watermark is the latest of theirs, in whatever order they became so",
          "[event_time]") {
  for (int order = 0; order < 3; ++order) {
    Events events;
    ls::Runtime runtime(events.flow);
    auto first = runtime.open_session();
    auto second = runtime.open_session();
    (*first)[events.in].push(at(10));
    (*second)[events.in].push(at(100));
    CHECK(runtime.step().watermark(events.in) == 5);
    (order == 0 ? first : second).reset();
    if (order != 2) CHECK(runtime.step().watermark(events.in) == (order == 0 ? 95 : 5));
    ls::Runtime again(events.flow, {}, runtime.save());
    (order == 0 ? second : first).reset();
    CHECK(runtime.step().watermark(events.in) == 95);
    if (order != 1) continue;
    (*again.open_session(1))[events.in].set_idle();
    CHECK(again.step().watermark(events.in) == 95);
  }
}

TEST_CASE("a session that ends holds the watermark back no longer, and makes a step of a started runtime",
          "[event_time]") {
  Events events;
  ls::Runtime runtime(events.flow);
  auto first = runtime.open_session();
  const auto second = runtime.open_session();
  (*first)[events.in].push(at(10));
  (*second)[events.in].push(at(100));
  CHECK(runtime.step().watermark(events.in) == 5);
  auto steps = runtime.subscribe();
  runtime.start();
  first.reset();
  CHECK(steps.next()->watermark(events.in) == 95);
  first = runtime.open_session(1);
  runtime.wait((*first)[events.in].push(at(94)));
  CHECK(runtime.latest()[events.ledger].size() == 1);
  CHECK(runtime.latest().watermark(events.in) == 95);
}

TEST_CASE("a number that is opened again before the session that ended is stepped begins anew", "[event_time]") {
  Events events;
  ls::Runtime runtime(events.flow);
  auto first = runtime.open_session(3);
  (*first)[events.in].push(at(100));
  runtime.step();
  (*first)[events.in].push(at(110));
  first.reset();
  first = runtime.open_session(3);
  (*first)[events.in].push(at(96));
  (*first)[events.in].push(at(94));
  const ls::Step step = runtime.step();
  CHECK(times(step, events.out) == Times{96, 110});
  CHECK(step.watermark(events.in) == 95);
}

TEST_CASE("rows without a time, or dated too far ahead, are malformed and move no watermark", "[event_time]") {
  using Time = std::chrono::sys_time<std::chrono::seconds>;
  using Row = std::pair<std::optional<Time>, Time>;
  ls::Dataflow flow;
  const auto in = flow.input<Row>("in", {}, ls::event_time(&Row::first, 1500ms).at_most(1min, &Row::second));
  const auto out = in | ls::output("out");
  ls::Runtime runtime(flow);
  const Time begin{1000s};
  runtime[in].push({begin + 60s, begin});
  runtime[in].push({begin + 61s, begin});
  runtime[in].push({std::nullopt, begin});
  const ls::Step step = runtime.step();
  CHECK(step[out].size() == 1);
  CHECK(step.watermark(in) == 1058);  // in seconds, the lateness rounded up
  const auto malformed = step[ls::ledger(in)].sorted();
  REQUIRE(malformed.size() == 2);
  CHECK(malformed[0].row.reason == "it has no event time");
  CHECK(malformed[0].row.event_time == std::nullopt);
  CHECK(malformed[1].row.reason == "its event time, 1061, is more than 60 after 1000");
  CHECK(malformed[1].row.event_time == 1061);
}

TEST_CASE("a change of a keyed table is late if the new row or the one that it replaces is", "[event_time]") {
  ls::Dataflow flow;
  const auto table = flow.table<Event>("table", &Event::id, {}, ls::event_time(&Event::at, kLateness));
  const auto out = table | ls::output("out", ls::accumulated);
  ls::Runtime runtime(flow);
  auto port = runtime[table];
  port.upsert({1, 10, 0});
  port.upsert({2, 30, 0});
  port.upsert({1, 31, 0});  // replaces a row of 10
  port.insert({3, 20, 0});
  port.erase(1);
  port.erase(2);
  port.insert({3, 27, 0});
  const ls::Step step = runtime.step();
  const ls::Snapshot snapshot = runtime.snapshot();
  CHECK(snapshot[out].find(1)->at == 10);
  CHECK(snapshot[out].find(2) == std::nullopt);
  CHECK(snapshot[out].find(3)->at == 27);
  std::map<std::uint64_t, std::string> late;
  for (const auto& [row, weight] : step[ls::ledger(table)]) late[row.position] = row.reason;
  CHECK(late == std::map<std::uint64_t, std::string>{
                    {2, "late: the watermark is 25, and the row of the key is dated before it"},
                    {3, "late: the watermark is 26"},
                    {4, "late: the watermark is 26, and the row of the key is dated before it"}});
  CHECK(step.watermark(table) == 26);
}

TEST_CASE("event time survives a restart: watermarks, sessions, and who is idle", "[event_time]") {
  Events events;
  const auto saved = [&] {
    ls::Runtime runtime(events.flow, {.workers = 3});
    for (std::uint64_t number = 1; number < 4; ++number) {  // they end
      (*runtime.open_session(number))[events.in].push(at(10));
    }
    const auto first = runtime.open_session(7);
    const auto second = runtime.open_session(8);
    const auto third = runtime.open_session(9);
    (*first)[events.in].push(at(100));
    (*second)[events.in].push(at(50));
    (*third)[events.in].push(at(40));
    (*third)[events.in].set_idle();
    CHECK(runtime.step().watermark(events.in) == 45);
    return runtime.save();
  }();
  ls::Runtime runtime(events.flow, {.workers = 2}, saved);
  CHECK(runtime.latest().watermark(events.in) == 45);
  const auto first = runtime.open_session(7);
  const auto third = runtime.open_session(9);
  (*first)[events.in].push(at(94));
  (*first)[events.in].push(at(95));
  (*third)[events.in].push(at(44));
  const ls::Step step = runtime.step();
  CHECK(times(step, events.out) == Times{95});
  CHECK(step.watermark(events.in) == 45);
  const auto second = runtime.open_session(8);
  (*second)[events.in].push(at(80));
  (*third)[events.in].set_idle();
  CHECK(runtime.step().watermark(events.in) == 75);
}

TEST_CASE("what is wrong with an event time is said", "[event_time]") {
  Events events;
  ls::Dataflow other;
  const auto plain = other.input<Event>("plain");
  CHECK_THROWS_WITH(other.input<Event>("in", {}, ls::event_time(&Event::at, -1)),
                    Contains("input 'in'") && Contains("negative"));
  ls::Runtime runtime(events.flow);
  ls::Runtime other_runtime(other);
  CHECK_THROWS_WITH(runtime.step().watermark(plain), Contains("'plain' does not belong"));
  CHECK_THROWS_WITH(other_runtime.step().watermark(plain), Contains("'plain' has no event time"));
  CHECK_THROWS_WITH(other_runtime[plain].set_idle(), Contains("'plain' has no event time"));
  const auto idle = [&](auto one) { one[events.in].set_idle(); };
  CHECK_THROWS_AS(runtime.transaction(idle), ls::UsageError);
  CHECK(ls::Step().watermark(events.in) == std::nullopt);
}

TEST_CASE("a function that throws when a row is dated throws from the push, and nothing is staged", "[event_time]") {
  ls::Dataflow flow;
  const auto date = [](Number row) { return row == 13 ? throw std::domain_error("not thirteen") : row; };
  const auto in = flow.input<Number>("in", {}, ls::event_time(date, 0));
  const auto out = in | ls::output("out");
  ls::Runtime runtime(flow);
  CHECK_THROWS_WITH(runtime[in].push(13), "not thirteen");
  CHECK_THROWS_WITH(runtime[in].push(std::vector<Number>{1, 13}), "not thirteen");
  runtime[in].push(2);
  CHECK(runtime.step()[out].size() == 1);
}

TEST_CASE("the extremes of time are told apart and do not overflow", "[event_time]") {
  constexpr Number kLast = std::numeric_limits<Number>::max();
  constexpr Number kFirst = std::numeric_limits<Number>::min();
  ls::Dataflow flow;
  const auto in = flow.input<Number>("in", {}, ls::event_time(ls::value, kLast).at_most(kLast, ls::value));
  const auto out = in | ls::output("out");
  ls::Runtime runtime(flow);
  for (const Number row : {kFirst, kFirst + 1, Number{0}, kLast, kFirst + 1, Number{-1}}) runtime[in].push(row);
  const ls::Step step = runtime.step();
  CHECK(step.watermark(in) == 0);
  CHECK(step[ls::ledger(in)].size() == 3);  // the first number, and what is late by the last
}

namespace {

/// Lets each row out when the watermark has passed it: what a window does in the end.
class HoldOperator {
 public:
  template <class Reader>
  void eval(Reader& in, ls::Batch<Event>& out, ls::Activation& activation) {
    ++activations;
    in.for_each([&](const Event& row, ls::Weight weight) { held_.insert({row.at, {row, weight}}); });
    while (!held_.empty() && held_.begin()->first < activation.watermark) {
      out.push_back(held_.begin()->second);
      held_.erase(held_.begin());
    }
    if (!held_.empty()) activation.wake_at = held_.begin()->first + 1;
  }
  void save(ls::StateWriter& out) const {
    for (const auto& [at, row] : held_) {
      ls::Encoder item = out.at(ls::row_traits<Event>::hash(row.row));
      ls::row_traits<Event>::encode(item, row.row);
      item.zigzag(row.weight);
    }
  }
  void load(ls::Decoder& in) {
    while (!in.at_end()) {
      const Event row = ls::row_traits<Event>::decode(in);
      held_.insert({row.at, {row, in.zigzag()}});
    }
  }

  static inline std::atomic<int> activations{0};

 private:
  std::multimap<Number, ls::Weighted<Event>> held_;
};

struct Hold : ls::Named<Hold> {
  template <ls::Expression E>
  auto apply(const E& in) const {
    ls::Part part = this->part("hold", in.label());
    part.state = "rows by time";
    part.bound = "rows that the watermark has not passed";
    part.properties = {.partitioning = ls::Partitioning::by_row, .step_dependent = true};
    return ls::add_part<ls::Stream<Event>>(
        in.flow(), part, [](const ls::Site&) { return HoldOperator(); }, ls::reads::by_owner(in));
  }
};

}  // namespace

TEST_CASE("a node is woken when the watermark passes, and not in the steps between", "[event_time]") {
  for (const unsigned workers : {1U, 3U}) {
    ls::Dataflow flow;
    const auto in = flow.input<Event>("in", {}, ls::event_time(&Event::at, 0));
    const auto other = flow.input<Event>("other", {}, ls::event_time(&Event::at, 0));
    const auto plain = flow.input<Event>("plain");
    const auto out = in | ls::plus(other) | ls::plus(plain) | Hold() | ls::output("out");
    ls::Runtime runtime(flow, {.workers = workers});
    runtime[plain].push({1, 1, 0});
    runtime[in].push({1, 10, 0});
    CHECK(times(runtime.step(), out).empty());
    runtime[other].push({1, 11, 0});
    CHECK(times(runtime.step(), out) == Times{1});  // both inputs have passed it
    const int before = HoldOperator::activations;
    for (int i = 0; i < 10; ++i) runtime.step();
    CHECK(HoldOperator::activations == before);
    const ls::SavedState saved = runtime.save();
    ls::Runtime again(flow, {.workers = workers + 1}, saved);
    for (ls::Runtime* const one : {&runtime, &again}) {
      (*one)[in].push({1, 12, 0});
      CHECK(times(one->step(), out) == Times{10});
    }
  }
}

namespace {

// Random histories, and what has to become of them.

struct Push {
  std::uint64_t session;
  std::vector<Event> rows;  // one piece
  bool in_transaction;
};

std::vector<Push> random_history(std::mt19937_64& random) {
  const auto below = [&random](std::uint64_t bound) { return static_cast<Number>(random() % bound); };
  std::vector<Push> history;
  std::map<std::uint64_t, Number> clocks;
  const std::uint64_t sessions = 1 + random() % 5;
  Number id = 0;
  for (Number pushes = below(60); pushes != 0; --pushes) {
    Push push{1 + random() % sessions, {}, below(3) == 0};
    Number& clock = clocks[push.session];
    for (Number rows = below(4) == 0 ? below(40) : 1; rows != 0; --rows) {
      if (below(5) == 0) clock += below(10);
      if (below(40) == 0) clock += below(200);  // it was silent
      const bool far_ahead = below(20) == 0;
      push.rows.push_back({id++, clock - below(12) + (far_ahead ? 1000 : 0), clock});
    }
    history.push_back(std::move(push));
  }
  return history;
}

/// By the definition, session by session.
struct Expected {
  std::vector<Number> admitted;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Number> ledger;  // ids by session and position
};
Expected expected(const std::vector<Push>& history) {
  Expected found;
  std::map<std::uint64_t, std::optional<Number>> latest;
  std::map<std::uint64_t, std::uint64_t> positions;
  for (const Push& push : history) {
    for (const Event& row : push.rows) {
      const std::uint64_t position = positions[push.session]++;
      std::optional<Number>& newest = latest[push.session];
      if (row.at > row.arrived + 50 || (newest && row.at < *newest - kLateness)) {
        found.ledger[{push.session, position}] = row.id;
      } else {
        newest = newest ? std::max(*newest, row.at) : row.at;
        found.admitted.push_back(row.id);
      }
    }
  }
  std::sort(found.admitted.begin(), found.admitted.end());
  return found;
}

}  // namespace

TEST_CASE("what is admitted is the same however sessions interleave, steps are cut, and many workers there are",
          "[event_time]") {
  std::mt19937_64 random(20261128);
  std::size_t late = 0;
  std::size_t in_backlogs = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<Push> history = random_history(random);
    const Expected wanted = expected(history);
    late += wanted.ledger.size();
    for (int split = 0; split < 4; ++split) {
      // Sessions interleave in another way, each in its order.
      std::vector<std::uint64_t> order;
      for (const Push& push : history) order.push_back(push.session);
      if (split != 0) std::shuffle(order.begin(), order.end(), random);
      std::map<std::uint64_t, std::size_t> next;

      ls::Dataflow flow;
      const auto in = flow.input<Event>("in", {}, ls::event_time(&Event::at, kLateness).at_most(50, &Event::arrived));
      const auto out = in | ls::output("out");
      const auto ledger = ls::ledger(in);
      ls::RuntimeOptions options{.workers = static_cast<unsigned>(1 + split)};
      if (split != 0) options.schedule_seed = random();
      if (split == 2) options.step_rows = 7;
      ls::Runtime runtime(flow, options);
      std::map<std::uint64_t, std::shared_ptr<ls::Session>> sessions;
      for (const std::uint64_t number : order) {
        if (sessions.contains(number)) continue;
        sessions[number] = runtime.open_session(number);
        (*sessions[number])[in].set_active();
      }

      std::vector<Number> admitted;
      std::map<std::pair<std::uint64_t, std::uint64_t>, Number> rejected;
      std::optional<Number> watermark;
      const auto step = [&] {
        const ls::Step step = runtime.step();
        for (const auto& [row, weight] : step[out]) {
          REQUIRE(weight == 1);
          // What the step before has promised holds.
          if (watermark) REQUIRE(row.at >= *watermark);
          admitted.push_back(row.id);
        }
        for (const auto& [row, weight] : step[ledger]) {
          REQUIRE(weight == 1);
          rejected[{row.session, row.position}] = std::stoll(row.row.substr(5));
        }
        const auto now = step.watermark(in);
        REQUIRE((!watermark || (now && *now >= *watermark)));
        watermark = now;
      };
      for (const std::uint64_t number : order) {
        std::size_t& at = next[number];
        while (history[at].session != number) ++at;
        const Push& push = history[at++];
        ls::Session& session = *sessions[number];
        if (push.in_transaction) {
          session.transaction([&](auto one) {
            for (const Event& row : push.rows) one[in].push(row);
          });
        } else if (push.rows.size() == 1) {
          session[in].push(push.rows.front());
        } else {
          session[in].push(push.rows);
        }
        if (split == 1 || random() % 8 == 0) step();
      }
      for (std::size_t before = 0;; ++in_backlogs) {
        step();
        if (admitted.size() + rejected.size() == wanted.admitted.size() + wanted.ledger.size()) break;
        REQUIRE(admitted.size() + rejected.size() > before);
        before = admitted.size() + rejected.size();
      }
      std::sort(admitted.begin(), admitted.end());
      REQUIRE(admitted == wanted.admitted);
      REQUIRE(rejected == wanted.ledger);
    }
  }
  CHECK(late > 1000);
  CHECK(in_backlogs > 100);
}

TEST_CASE("threads that push into one session, and idle ones, keep every row, in the stream or in the ledger",
          "[event_time]") {
  constexpr Number kRows = 20'000;
  Events events;
  ls::Runtime runtime(events.flow, {.workers = 2, .step_rows = 100});
  auto steps = runtime.subscribe();
  std::size_t rows = 0;
  std::size_t before_watermark = 0;
  std::size_t late_rows = 0;
  std::set<std::pair<std::uint64_t, std::uint64_t>> late;  // their places
  std::thread reader([&] {
    std::optional<Number> watermark;
    while (const auto step = steps.next()) {
      for (const auto& [row, weight] : (*step)[events.out]) {
        before_watermark += watermark && row.at < *watermark;
        ++rows;
      }
      for (const auto& [row, weight] : (*step)[events.ledger]) late.insert({row.session, row.position});
      rows += (*step)[events.ledger].size();
      late_rows += (*step)[events.ledger].size();
      watermark = step->watermark(events.in);
    }
  });
  runtime.start({.rows = 64, .every = 1ms});
  const auto push_all = [&](ls::Session& session, Number from) {
    std::mt19937_64 random(static_cast<std::uint64_t>(from));
    auto in = session[events.in];
    const auto row = [&](Number i) { return at(i - static_cast<Number>(random() % 12), from + i); };
    for (Number i = 0; i < kRows;) {
      if (random() % 4 != 0) {
        in.push(row(i++));
      } else {
        std::vector<Event> some;
        for (auto left = random() % 20; left != 0 && i < kRows; --left) some.push_back(row(i++));
        in.push(some);
      }
      if (random() % 64 == 0) in.set_idle();
    }
  };
  std::vector<std::thread> threads;
  for (Number t = 0; t < 4; t += 2) {
    const auto session = runtime.open_session();
    for (Number of_session = 0; of_session < 2; ++of_session) {
      threads.emplace_back([&, session, from = (t + of_session) * kRows] { push_all(*session, from); });
    }
  }
  for (auto& thread : threads) thread.join();
  runtime.stop();
  reader.join();
  CHECK(rows == 4 * kRows);
  CHECK(before_watermark == 0);
  CHECK(late_rows > 1000);
  CHECK(late.size() == late_rows);
}
