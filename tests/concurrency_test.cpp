#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <lockstep.hpp>
#include <numeric>
#include <thread>

#include "exchange/channel.hpp"
#include "exchange/channels.hpp"
#include "exchange/lane.hpp"
#include "runtime/intake/sealed.hpp"
#include "runtime/threads/doorbell.hpp"
#include "runtime/threads/spin_lock.hpp"

namespace ls = lockstep;
using Number = std::int64_t;

TEST_CASE("a channel gives what was put in, in order, and says when it is full or empty", "[concurrency]") {
  ls::Channel<int> channel(3);
  CHECK(channel.capacity() == 4);
  CHECK(channel.front() == nullptr);
  int* const first = channel.vacant();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i) {
      REQUIRE(channel.vacant() != nullptr);
      *channel.vacant() = i;
      channel.push();
    }
    CHECK(channel.vacant() == nullptr);
    for (int i = 0; i < 4; ++i) {
      REQUIRE(channel.front() != nullptr);
      CHECK(*channel.front() == i);
      channel.pop();
    }
    CHECK(channel.front() == nullptr);
  }
  CHECK(channel.vacant() == first);
}

TEST_CASE("a channel carries a million messages from one thread to another", "[concurrency]") {
  constexpr std::uint64_t kMessages = 1'000'000;
  ls::Channel<std::array<std::uint64_t, 2>> channel(64);
  std::uint64_t told = 0;  // written before each push, read after the last: the push publishes it
  std::thread sender([&] {
    for (std::uint64_t i = 0; i < kMessages;) {
      if (auto* item = channel.vacant()) {
        *item = {i, ~i};
        if (i + 1 == kMessages) told = i;
        channel.push();
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < kMessages;) {
    if (const auto* item = channel.front()) {
      wrong += *item != std::array<std::uint64_t, 2>{i, ~i};
      if (i + 1 == kMessages) CHECK(told == i);
      channel.pop();
      ++i;
    } else {
      std::this_thread::yield();
    }
  }
  CHECK(wrong == 0);
  CHECK(channel.front() == nullptr);
  sender.join();
}

TEST_CASE("a lane delivers what was sent in this activation, and nothing older", "[concurrency]") {
  ls::Pulse pulse;
  pulse.dirty.resize(1);
  ls::Edge<Number> edge(pulse, 1);
  ls::Lane<Number> lane(2);
  lane.connect(0, edge);
  const auto delivered = [&] {
    lane.deliver(0, pulse.beat);
    std::vector<std::pair<Number, ls::Weight>> rows;
    for (const auto& span : edge.spans()) {
      for (const auto& one : span) rows.emplace_back(one.row, one.weight);
    }
    return rows;
  };
  using Rows = decltype(delivered());
  pulse.beat = 1;
  lane.parcel(0, 0, 1).push_back({1, 1});
  lane.parcel(1, 0, 1).push_back({2, -1});
  lane.parcel(0, 1, 1).push_back({3, 1});
  CHECK(delivered() == Rows{{1, 1}, {2, -1}});
  lane.parcel(1, 0, 2).push_back({4, 1});  // the peer is one activation ahead
  CHECK(delivered() == Rows{{1, 1}, {2, -1}});
  pulse.beat = 2;
  CHECK(delivered() == Rows{{4, 1}});
  pulse.beat = 3;
  lane.parcel(1, 0, 3).push_back({5, 1});
  CHECK(delivered() == Rows{{5, 1}});
  CHECK(lane.parcel(1, 0, 5).empty());
}

namespace {

/// A lane of one plain number for each pair of workers, by parity, which posting has to publish.
class TickLane final : public ls::LaneBase {
 public:
  explicit TickLane(unsigned workers) : LaneBase(workers), sent_(2 * workers * workers), delivered(workers) {
    static_assert(sizeof(Count) == kParcelBytes);
    first_parcel_ = sent_.data();
  }

  void send(unsigned from, unsigned to, std::uint64_t beat) { at(from, to, beat) = beat; }
  void deliver(unsigned worker, std::uint64_t beat) override {
    for (unsigned from = 0; from < workers_; ++from) delivered[worker].count += at(from, worker, beat) == beat;
  }
  void give_back_idle() override {}

 private:
  struct alignas(64) Count {
    std::uint64_t count = 0;
  };
  std::uint64_t& at(unsigned from, unsigned to, std::uint64_t beat) { return sent_[place(from, to, beat)].count; }
  std::vector<Count> sent_;

 public:
  std::vector<Count> delivered;  // by worker
};

}  // namespace

TEST_CASE("a set of lanes holds lanes beyond the first 64 too", "[concurrency]") {
  ls::LaneSet lanes(200);
  ls::LaneSet more(200);
  for (const std::uint32_t lane : {199U, 0U, 64U}) lanes.add(lane);
  for (const std::uint32_t lane : {63U, 64U, 130U}) more.add(lane);
  lanes.add(more);
  std::vector<std::uint32_t> found;
  lanes.for_each([&found](std::uint32_t lane) { found.push_back(lane); });
  CHECK(found == std::vector<std::uint32_t>{0, 63, 64, 130, 199});
  lanes.clear();
  lanes.for_each([](std::uint32_t) { FAIL("there is a lane left"); });
}

TEST_CASE("channels deliver every announced lane at its level, and only those", "[concurrency]") {
  constexpr unsigned kWorkers = 3;
  constexpr unsigned kLevels = 3;
  constexpr std::uint64_t kTicks = 4000;
  ls::Channels channels(kWorkers);
  std::vector<TickLane*> lanes;
  for (unsigned level = 0; level < kLevels; ++level) {
    auto lane = std::make_unique<TickLane>(kWorkers);
    lanes.push_back(lane.get());
    CHECK(channels.add_lane(std::move(lane)) == level);
  }
  std::array<ls::Doorbell, kWorkers> bells;
  channels.open(kLevels, {&bells[0], &bells[1], &bells[2]});
  const auto sends = [](std::uint64_t beat, unsigned from, unsigned to, unsigned level) {
    return (beat + from + 2 * to + level) % 3 == 0;
  };
  const auto run = [&](unsigned worker) {
    for (std::uint64_t beat = 1; beat <= kTicks; ++beat) {
      for (unsigned level = 0; level < kLevels; ++level) {
        for (unsigned to = 0; to < kWorkers; ++to) {
          if (!sends(beat, worker, to, level)) continue;
          lanes[level]->send(worker, to, beat);
          channels.announce(worker, to, level);
        }
        channels.post(worker, level, {beat, 0});
        bool received = false;
        bells[worker].wait_until(false, [&] {
          return received = received || channels.receive(worker, level, {beat, 0}, beat);
        });
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < kWorkers; ++worker) threads.emplace_back(run, worker);
  for (auto& thread : threads) thread.join();
  for (unsigned level = 0; level < kLevels; ++level) {
    for (unsigned to = 0; to < kWorkers; ++to) {
      std::uint64_t expected = 0;
      for (std::uint64_t beat = 1; beat <= kTicks; ++beat) {
        for (unsigned from = 0; from < kWorkers; ++from) expected += sends(beat, from, to, level);
      }
      CHECK(lanes[level]->delivered[to].count == expected);
    }
  }
}

TEST_CASE("a doorbell loses no ring", "[concurrency]") {
  constexpr int kRounds = 30'000;
  std::array<ls::Doorbell, 2> bells;
  std::atomic<int> turn = 0;
  int shared = 0;  // only touched by whose turn it is
  const auto play = [&](int me, bool spin) {
    for (int i = 0; i < kRounds; ++i) {
      bells[static_cast<std::size_t>(me)].wait_until(spin,
                                                     [&] { return turn.load(std::memory_order_acquire) % 2 == me; });
      ++shared;
      turn.fetch_add(1, std::memory_order_release);
      bells[static_cast<std::size_t>(1 - me)].ring();
    }
  };
  std::thread other(play, 1, false);
  play(0, true);
  other.join();
  CHECK(shared == 2 * kRounds);
}

TEST_CASE("a ring before the wait is not lost", "[concurrency]") {
  ls::Doorbell bell;
  std::atomic<bool> ready = false;
  std::thread ringer([&] {
    ready = true;
    bell.ring();
  });
  ringer.join();
  bell.wait_until(false, [&] { return ready.load(); });
  SUCCEED();
}

TEST_CASE("who is rung for before there is anything to do goes on waiting", "[concurrency]") {
  const bool spin = GENERATE(false, true);
  ls::Doorbell bell;
  std::atomic<bool> ready = false;
  std::atomic<bool> woken = false;
  std::thread waiter([&] {
    bell.wait_until(spin, [&] { return ready.load(); });
    woken = true;
  });
  for (int i = 0; i < 100; ++i) {  // some while it is awake, some while it sleeps
    bell.ring();
    std::this_thread::sleep_for(std::chrono::microseconds(i));
  }
  while (!bell.asleep()) std::this_thread::yield();
  bell.ring();
  CHECK(!woken);
  ready = true;
  bell.ring();
  waiter.join();
}

TEST_CASE("every sealed row is in one piece, and the pieces become smaller", "[concurrency]") {
  constexpr std::size_t kRows = 100'000;
  constexpr unsigned kThreads = 3;
  constexpr std::size_t kLeast = 7;
  using Item = ls::Weighted<Number>;
  ls::Sealed<Item> sealed;
  const auto stage = sealed.make_stage();
  for (int round = 0; round < 10; ++round) {
    auto& items = static_cast<ls::Stage<Item>&>(*stage).items;
    for (Number i = 0; i < static_cast<Number>(kRows); ++i) items.grow_and_push_back(Item{i, 1}, items.next_size());
    CHECK(stage->move_to(sealed, 0) == 0);
    sealed.complete();
    REQUIRE(sealed.size() == kRows);
    std::array<std::vector<std::pair<std::size_t, std::size_t>>, kThreads> taken;
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (auto& pieces : taken) {
      threads.emplace_back([&] {
        for (;;) {
          const auto [begin, end] = sealed.take_piece(kThreads, kLeast);
          if (begin == end) return;
          pieces.push_back({begin, end});
        }
      });
    }
    for (auto& thread : threads) thread.join();
    std::vector<std::pair<std::size_t, std::size_t>> all;
    for (const auto& pieces : taken) all.insert(all.end(), pieces.begin(), pieces.end());
    std::sort(all.begin(), all.end());
    REQUIRE(all.front().first == 0);
    REQUIRE(all.back().second == kRows);
    CHECK(all.size() < 100);
    std::size_t last = kRows;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::size_t size = all[i].second - all[i].first;
      CHECK(size <= last);
      CHECK((size >= kLeast || i + 1 == all.size()));
      if (i != 0) REQUIRE(all[i].first == all[i - 1].second);
      last = size;
      Number next = static_cast<Number>(all[i].first);
      sealed.for_each_span(all[i].first, all[i].second, [&next](ls::Slice<const Item> span) {
        for (const Item& item : span) REQUIRE(item.row == next++);
      });
      REQUIRE(next == static_cast<Number>(all[i].second));
    }
    sealed.clear();
  }
}

TEST_CASE("a spin lock lets one in at a time", "[concurrency]") {
  ls::SpinLock lock;
  std::uint64_t count = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50'000; ++i) {
        const std::lock_guard held(lock);
        ++count;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(count == 200'000);
  CHECK(lock.try_lock());
  CHECK_FALSE(lock.try_lock());
  lock.unlock();
  CHECK(lock.try_lock());
}
