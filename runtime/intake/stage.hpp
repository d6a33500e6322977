#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "runtime/intake/chunks.hpp"
#include "runtime/intake/ledger_row.hpp"
#include "runtime/rows/heap.hpp"
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

  // Of what a transaction or a push has gathered, positions count from 0 until it is numbered.

  /// Whether its rows carry positions.
  virtual bool needs_numbers() const = 0;
  /// Gives its rows the positions from `first` on, and the session's number. May be called again.
  virtual void number(std::uint64_t first, std::uint64_t session) = 0;
  /// Takes over all that another stage of the same input has gathered, for this step. Few instructions, however many
  /// rows.
  virtual void append(StageBase& gathered, std::uint64_t step) noexcept = 0;
  /// The position that they have been numbered from.
  virtual std::uint64_t numbered_from() const = 0;

  /// Rows pushed into this input by this session so far, rejected ones included: the next row's position.
  std::uint64_t position = 0;
  /// The same of what has been sealed. What a session before this one, of its number, has staged does not count.
  std::uint64_t sealed_position() const { return position - std::min<std::uint64_t>(position, size()); }
};

/// Items in chunks, of which the last may have room. Appending to it does not allocate while has_room(). Chunks are of
/// one step each; where steps have no limit, all are of step 0.
template <class T>
class Staging {
 public:
  explicit Staging(ChunkPool<T>& pool) : pool_(&pool) {}

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

/// The memory that the stages of one input share.
template <class Item>
struct StagePools {
  ChunkPool<Item> items;
  ChunkPool<LedgerRow> rejects;
};

template <class Item>
class Stage final : public StageBase {
 public:
  explicit Stage(std::shared_ptr<StagePools<Item>> pools)
      : items(pools->items), rejects(pools->rejects), pools_(std::move(pools)) {}

  Staging<Item> items;
  Staging<LedgerRow> rejects;

  const std::shared_ptr<StagePools<Item>>& pools() const { return pools_; }

  std::size_t size() const override { return items.size() + rejects.size(); }
  std::size_t move_to(SealedBase& sealed, std::uint64_t step) override;
  bool needs_numbers() const override { return knows_position<Item> || !rejects.empty(); }

  void number(std::uint64_t first, std::uint64_t session) override {
    const std::uint64_t before = std::exchange(numbered_from_, first);
    const std::uint64_t shift = first - (before == kNotNumbered ? 0 : before);
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

  std::uint64_t numbered_from() const override { return numbered_from_; }

  void append(StageBase& gathered, std::uint64_t step) noexcept override {
    auto& from = static_cast<Stage&>(gathered);
    items.append(from.items, step);
    rejects.append(from.rejects, step);
    position += from.position;
  }

 private:
  static constexpr std::uint64_t kNotNumbered = ~std::uint64_t{0};

  std::shared_ptr<StagePools<Item>> pools_;
  std::uint64_t numbered_from_ = kNotNumbered;
};

}  // namespace lockstep
