#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/intake/chunks.hpp"
#include "runtime/intake/event_time.hpp"
#include "runtime/intake/ledger_row.hpp"
#include "runtime/intake/positions.hpp"
#include "runtime/rows/heap.hpp"
#include "runtime/rows/traits.hpp"
#include "runtime/zset/batch.hpp"

namespace lockstep {

/// Whether a staged item carries its own position and session, as `item.row.position` and `item.row.session`;
/// specialised by those that do.
template <class Item>
inline constexpr bool knows_position = false;

/// What a staged item takes: of a row with its weight.
template <class Item>
std::size_t staged_bytes(const Item& item) {
  return sizeof(Item) + heap_bytes(item.row);
}
/// The row of a staged item that dates it; null: it has none.
template <class R>
const R* dated_row(const Weighted<R>& item) {
  return &item.row;
}
/// Has an item know its session's watermark just before it, if it wants to.
template <class R>
void stamp(Weighted<R>&, Timestamp) {}
/// For ledgers.
inline std::optional<Timestamp> or_nothing(Timestamp timestamp) {
  return timestamp == kNoTimestamp ? std::nullopt : std::optional(timestamp);
}
/// Of an item that is refused; where it stands is not told.
template <class R>
LedgerRow refused(const Weighted<R>& item, std::string reason, Timestamp timestamp) {
  return {.reason = std::move(reason),
          .event_time = or_nothing(timestamp),
          .row = to_string(item.row),
          .weight = item.weight};
}

template <class Item>
using DatedRow = std::remove_cvref_t<decltype(*dated_row(std::declval<const Item&>()))>;

inline std::size_t staged_bytes(const LedgerRow& row) {
  return sizeof(LedgerRow) + heap_bytes(row.reason) + heap_bytes(row.row);
}

class SealedBase;

/// Rows of one input on their way into a step: what a session has staged since the last seal, under the session's lock;
/// or what a transaction or a push of many rows has gathered so far, owned by its thread.
class StageBase {
 public:
  virtual ~StageBase() = default;
  /// Items and rejected rows that are staged, or gathered.
  virtual std::size_t size() const = 0;
  /// Moves what this step gets into the sealed input. Returns how much is left for steps after it.
  virtual std::size_t move_to(SealedBase& sealed, std::uint64_t step) = 0;
  /// The same, where the input has event time, given its watermark and the session's number. May throw.
  virtual std::size_t move_dated_to(SealedBase& sealed, std::uint64_t step, Timestamp watermark,
                                    std::uint64_t session) = 0;

  /// Where the next row would stand.
  struct Standing {
    std::uint64_t position = 0;
    Timestamp latest = kNoTimestamp;
    friend bool operator==(const Standing&, const Standing&) = default;
  };
  Standing standing() const { return {position, time.latest}; }

  // Of what a transaction or a push has gathered, positions count from 0, and nothing is late, until it is settled.

  /// Whether its rows have to know where they stand.
  virtual bool needs_settling() const = 0;
  /// Makes them the session's next rows, from there on: gives them positions, and refuses those that are late. May be
  /// called again, with a later standing.
  virtual void settle(const Standing& from, std::uint64_t session) = 0;
  /// What it was called with. None: it was not.
  const std::optional<Standing>& settled_from() const { return settled_from_; }
  /// Takes over all that another stage of the same input has gathered, for this step. Few instructions, however many
  /// rows.
  virtual void append(StageBase& gathered, std::uint64_t step) noexcept = 0;

  /// Null: the input has no event time.
  virtual const EventTimeBase* event_time() const = 0;

  /// Rows pushed into this input by this session so far, rejected ones included: the next row's position.
  std::uint64_t position = 0;
  StageTime time;
  /// The same of what has been sealed. What a session before this one, of its number, has staged does not count.
  std::uint64_t sealed_position() const { return position - std::min<std::uint64_t>(position, size()); }
  Positions::OfInput sealed_at() const { return {sealed_position(), time.sealed_latest, time.sealed_active}; }
  /// As it was sealed. Nothing is staged.
  void go_on_at(const Positions::OfInput& sealed) {
    position = sealed.rows;
    time.latest = time.sealed_latest = sealed.latest;
    if (event_time() != nullptr) time.active = time.sealed_active = sealed.active;
    time.prepare_to_end();
  }

 protected:
  std::optional<Standing> settled_from_;
};

/// Items in chunks, of which the last may have room. Appending to it does not allocate while has_room(). Chunks are of
/// one step each; where steps have no limit, all are of step 0.
template <class T>
class Staging {
 public:
  explicit Staging(ChunkPool<T>& pool) : pool_(&pool) {}
  Staging(ChunkPool<T>& pool, ChunkList<T>&& chunks) : pool_(&pool), chunks_(std::move(chunks)) {
    for (const Chunk<T>* chunk = chunks_.first(); chunk != nullptr; chunk = chunk->next) size_ += chunk->items.size();
  }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  /// Whether there is for another item of this step.
  bool has_room(std::uint64_t step) {
    Chunk<T>* const last = chunks_.last();
    if (last == nullptr || last->full()) return false;
    if (last->step == step) [[likely]]
      return true;
    if (!last->items.empty()) return false;
    last->step = step;
    return true;
  }

  /// Memory for the next items. Allocates; touches nothing here but the pool, which is any thread's.
  std::unique_ptr<Chunk<T>> make_chunk(std::size_t items) { return pool_->take(ChunkPool<T>::class_for(items)); }
  void add_chunk(std::unique_ptr<Chunk<T>> chunk, std::uint64_t step) noexcept {
    chunk->step = step;
    chunks_.append(std::move(chunk));
  }
  /// REQUIRES: has_room().
  T& push_back(T&& item) noexcept {
    static_assert(std::is_nothrow_move_constructible_v<T>);
    ++size_;
    return chunks_.last()->items.emplace_back(std::move(item));
  }
  /// The same, for a stage of one's own thread.
  T& grow_and_push_back(T&& item, std::size_t expected) {
    if (!has_room(0)) add_chunk(make_chunk(expected), 0);
    return push_back(std::move(item));
  }
  /// What the next chunk should have room for, as one item comes after another.
  std::size_t next_size() const { return 4 * size_; }

  /// Takes over the items of another one: a few by moving them to where there is room, or else with their chunks.
  void append(Staging& other, std::uint64_t step) noexcept {
    if (fits(other, step)) {
      for (T& item : other.chunks_.first()->items) push_back(std::move(item));
      return;
    }
    if (step != 0) {
      for (Chunk<T>* chunk = other.chunks_.first(); chunk != nullptr; chunk = chunk->next) chunk->step = step;
    }
    chunks_.append(std::move(other.chunks_));
    size_ += std::exchange(other.size_, 0);
  }

  ChunkList<T> take_chunks() && {
    size_ = 0;
    return std::move(chunks_);
  }
  /// Of the rows up to the last one. REQUIRES: there is one, or was since the last chunk was added.
  void set_latest(Timestamp latest) { chunks_.last()->latest = latest; }

  /// Of the rows up to a step; `before`: if there are none.
  Timestamp latest_up_to(std::uint64_t step, Timestamp before) const {
    for (const Chunk<T>* chunk = chunks_.first(); chunk != nullptr && chunk->step <= step; chunk = chunk->next) {
      if (!chunk->items.empty()) before = chunk->latest;
    }
    return before;
  }

  /// Removes the items with these indices, which are in order.
  void remove(const std::vector<std::size_t>& indices) noexcept {
    std::size_t index = 0;
    auto gone = indices.begin();
    for (Chunk<T>* chunk = chunks_.first(); chunk != nullptr && gone != indices.end(); chunk = chunk->next) {
      T* kept = chunk->items.data();
      for (T& item : chunk->items) {
        if (gone != indices.end() && index++ == *gone) {
          ++gone;
        } else if (kept++ != &item) {
          kept[-1] = std::move(item);
        }
      }
      while (chunk->items.data() + chunk->items.size() != kept) chunk->items.pop_back();
    }
    size_ -= indices.size();
  }

  /// Moves what is up to a step to the end of another list. If that is all, gets an empty chunk in advance from the
  /// spare ones, if there are any.
  void move_to(ChunkList<T>& list, ChunkList<T>& spare, std::uint64_t step) noexcept {
    if (empty()) return;
    if (chunks_.last()->step <= step) [[likely]] {
      size_ = 0;
      list.append(std::move(chunks_));
      if (!spare.empty()) chunks_.append(spare.take_first());
      return;
    }
    while (chunks_.first()->step <= step) {
      size_ -= chunks_.first()->items.size();
      list.append(chunks_.take_first());
    }
  }

  template <class Function>
  void for_each(Function&& function) {
    for (Chunk<T>* chunk = chunks_.first(); chunk != nullptr; chunk = chunk->next) {
      for (T& item : chunk->items) function(item);
    }
  }

 private:
  static constexpr std::size_t kFew = 256;

  bool fits(Staging& other, std::uint64_t step) {
    if (other.size_ > kFew || !has_room(step)) return false;
    const auto& items = chunks_.last()->items;
    return other.chunks_.first() != nullptr && other.chunks_.first()->next == nullptr &&
           other.size_ <= items.capacity() - items.size();
  }

  ChunkPool<T>* pool_;
  ChunkList<T> chunks_;
  std::size_t size_ = 0;
};

/// What the stages of one input share.
template <class Item>
struct StagePools {
  ChunkPool<Item> items;
  ChunkPool<LedgerRow> rejects;
  std::shared_ptr<const EventTime<DatedRow<Item>>> event_time;  // null: it has none
};

/// Of items that a session has pushed one after another, the first of them at this place, moves those that are late to
/// the rejected ones. If it throws, nothing has changed.
template <class Item>
void admit(const EventTime<DatedRow<Item>>& event_time, Admission& admission, std::uint64_t first,
           std::uint64_t session, Staging<Item>& items, Staging<LedgerRow>& rejects, ChunkPool<LedgerRow>& pool) {
  Places places(first);
  rejects.for_each([&places](const LedgerRow& row) { places.take(row.position); });
  places.sort();
  std::vector<std::size_t> late;
  Staging<LedgerRow> rows(pool);
  std::size_t index = 0;
  items.for_each([&](Item& item) {
    const std::uint64_t place = places.next();
    const Timestamp watermark = admission.watermark();
    const DatedRow<Item>* const row = dated_row(item);
    const Timestamp timestamp = row == nullptr ? kNoTimestamp : event_time.of(*row);
    if (row == nullptr || admission.admits(timestamp)) {
      stamp(item, watermark);
    } else {
      late.push_back(index);
      LedgerRow& added = rows.grow_and_push_back(refused(item, late_reason(watermark), timestamp), rows.next_size());
      added.position = place;
      added.session = session;
    }
    ++index;
  });
  if (late.empty()) return;
  rejects.append(rows, 0);
  items.remove(late);
}

template <class Item>
class Stage final : public StageBase {
 public:
  explicit Stage(std::shared_ptr<StagePools<Item>> pools)
      : items(pools->items), rejects(pools->rejects), pools_(std::move(pools)), event_time_(pools_->event_time.get()) {}

  Staging<Item> items;
  Staging<LedgerRow> rejects;

  const std::shared_ptr<StagePools<Item>>& pools() const { return pools_; }
  const EventTime<DatedRow<Item>>* event_time() const override { return event_time_; }

  std::size_t size() const override { return items.size() + rejects.size(); }
  std::size_t move_to(SealedBase& sealed, std::uint64_t step) override;
  std::size_t move_dated_to(SealedBase& sealed, std::uint64_t step, Timestamp watermark,
                            std::uint64_t session) override;
  bool needs_settling() const override { return knows_position<Item> || !rejects.empty() || event_time_ != nullptr; }

  void settle(const Standing& from, std::uint64_t session) override {
    const std::uint64_t before = settled_from_ ? settled_from_->position : 0;
    if (event_time_ != nullptr) {
      Admission admission(*event_time_, from.latest);
      admit(*event_time_, admission, before, session, items, rejects, pools_->rejects);
      time.latest = admission.latest();
      time.active = admission.admitted_any();
    }
    settled_from_ = from;
    const std::uint64_t shift = from.position - before;
    if constexpr (knows_position<Item>) {
      items.for_each([&](Item& item) {
        item.row.position += shift;
        item.row.session = session;
      });
    }
    rejects.for_each([&](LedgerRow& row) {
      row.position += shift;
      row.session = session;
    });
  }

  void append(StageBase& gathered, std::uint64_t step) noexcept override {
    auto& from = static_cast<Stage&>(gathered);
    const bool any_items = !from.items.empty();
    items.append(from.items, step);
    rejects.append(from.rejects, step);
    position += from.position;
    if (event_time_ != nullptr && any_items) note_latest(from.time.latest, from.time.active, step);
  }
  /// Of the rows up to the last one, which is of this step. REQUIRES: time.prepare(), if some are dated.
  void note_latest(Timestamp latest, bool some_are_dated, std::uint64_t step) noexcept {
    time.latest = latest;
    items.set_latest(latest);
    if (some_are_dated) time.activate(step);
  }

 private:
  const std::shared_ptr<StagePools<Item>> pools_;
  const EventTime<DatedRow<Item>>* const event_time_;
};

}  // namespace lockstep
