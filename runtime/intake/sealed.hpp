#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/intake/stage.hpp"
#include "runtime/zset/slice.hpp"

namespace lockstep {

/// What has been sealed of one input for the step that runs: what each session had staged, in the order of sessions.
class SealedBase {
 public:
  explicit SealedBase(std::size_t row_bytes) : row_bytes(row_bytes) {}
  virtual ~SealedBase() = default;
  /// A stage whose rows can be moved here.
  virtual std::unique_ptr<StageBase> make_stage() = 0;
  /// Everything is here that the step gets.
  virtual void complete() = 0;
  virtual void clear() noexcept = 0;
  virtual std::size_t size() const = 0;

  /// Of each, without what it holds on the heap.
  const std::size_t row_bytes;
};

template <class Item>
class Sealed final : public SealedBase {
 public:
  explicit Sealed(std::shared_ptr<const EventTimeBase> event_time = nullptr) : SealedBase(sizeof(Item)) {
    pools_->event_time = std::static_pointer_cast<const EventTime<DatedRow<Item>>>(std::move(event_time));
  }

  std::unique_ptr<StageBase> make_stage() override { return std::unique_ptr<StageBase>(new Stage<Item>(pools_)); }

  void take(Stage<Item>& stage, std::uint64_t step) noexcept {
    stage.items.move_to(items_, spare_, step);
    stage.rejects.move_to(rejects_, spare_rejects_, step);
  }

  /// The same, with what is dated before `least` among the rejected rows.
  void take(Stage<Item>& stage, std::uint64_t step, Timestamp least, std::uint64_t session) {
    const std::uint64_t first = stage.sealed_position();
    ChunkList<Item> items;
    ChunkList<LedgerRow> rejects;
    stage.items.move_to(items, spare_, step);
    stage.rejects.move_to(rejects, spare_rejects_, step);
    Staging<Item> rows(pools_->items, std::move(items));
    Staging<LedgerRow> rejected(pools_->rejects, std::move(rejects));
    Admission admission(least);
    admit(*pools_->event_time, admission, first, session, rows, rejected, pools_->rejects);
    items_.append(std::move(rows).take_chunks());
    rejects_.append(std::move(rejected).take_chunks());
  }

  void complete() override {
    taken_.store(0, std::memory_order_relaxed);
    for (Chunk<Item>* chunk = items_.first(); chunk != nullptr; chunk = chunk->next) {
      if (chunk->items.empty()) continue;
      runs_.push_back({chunk->items.data(), size_});
      size_ += chunk->items.size();
    }
  }
  void clear() noexcept override {
    runs_.clear();
    size_ = 0;
    give_back(items_, spare_, pools_->items);
    give_back(rejects_, spare_rejects_, pools_->rejects);
  }

  // After complete(). Any worker.

  std::size_t size() const override { return size_; }
  bool any_rejects() const { return !rejects_.empty(); }
  /// Calls function(span) for where the items from `begin` to `end` lie, in order.
  template <class Function>
  void for_each_span(std::size_t begin, std::size_t end, Function&& function) const {
    if (begin == end) return;
    const auto after = std::upper_bound(runs_.begin(), runs_.end(), begin,
                                        [](std::size_t place, const Run& run) { return place < run.first; });
    for (auto run = after - 1; begin != end; ++run) {
      const std::size_t run_end = run + 1 == runs_.end() ? size_ : run[1].first;
      const std::size_t count = std::min(end, run_end) - begin;
      function(Slice<const Item>(run->items + (begin - run->first), count));
      begin += count;
    }
  }
  /// Moves out the rejected rows. One worker's.
  template <class Function>
  void take_rejects(Function&& function) {
    for (Chunk<LedgerRow>* chunk = rejects_.first(); chunk != nullptr; chunk = chunk->next) {
      for (LedgerRow& row : chunk->items) function(std::move(row));
    }
  }

  /// Takes a piece that nobody else will get: where it begins and ends. The pieces become smaller, down to `least`, so
  /// that those who take them are done at about the same time.
  std::pair<std::size_t, std::size_t> take_piece(unsigned workers, std::size_t least) {
    std::size_t begin = taken_.load(std::memory_order_relaxed);
    for (;;) {
      const std::size_t left = size_ - begin;
      const std::size_t end = begin + std::min(left, std::max(least, 3 * left / (4 * workers)));
      if (left == 0 || taken_.compare_exchange_weak(begin, end, std::memory_order_relaxed)) return {begin, end};
    }
  }

 private:
  /// Of small steps, of one chunk each, the chunk goes to the next stage that is sealed.
  template <class T>
  static void give_back(ChunkList<T>& used, ChunkList<T>& spare, ChunkPool<T>& pool) noexcept {
    if (used.empty()) return;
    if (used.first() == used.last() && spare.empty()) [[likely]] {
      used.first()->items.clear();
      spare.append(std::move(used));
    } else {
      pool.give_back(std::move(used));
    }
  }

  struct Run {
    const Item* items;
    std::size_t first;  // how many items lie before it
  };

  ChunkList<Item> items_;
  ChunkList<Item> spare_;
  std::size_t size_ = 0;
  std::atomic<std::size_t> taken_{0};  // items that belong to pieces
  ChunkList<LedgerRow> rejects_;
  ChunkList<LedgerRow> spare_rejects_;
  std::vector<Run> runs_;
  const std::shared_ptr<StagePools<Item>> pools_ = std::make_shared<StagePools<Item>>();
};

template <class Item>
std::size_t Stage<Item>::move_to(SealedBase& sealed, std::uint64_t step) {
  static_cast<Sealed<Item>&>(sealed).take(*this, step);
  return size();
}

template <class Item>
std::size_t Stage<Item>::move_dated_to(SealedBase& sealed, std::uint64_t step, Timestamp watermark,
                                       std::uint64_t session) {
  auto& to = static_cast<Sealed<Item>&>(sealed);
  const Timestamp latest = items.latest_up_to(step, time.sealed_latest);
  const Timestamp least = time.least(step, watermark);
  least == kNoTimestamp ? to.take(*this, step) : to.take(*this, step, least, session);
  time.sealed(*event_time(), size() != 0, latest);
  return size() + time.any_marks();
}

}  // namespace lockstep
