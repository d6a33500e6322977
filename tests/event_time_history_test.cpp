#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <lockstep.hpp>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/event_time.hpp"

// Event time on random histories and threads, and nodes that watermarks wake.

using namespace event_time;
using namespace std::chrono_literals;

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
