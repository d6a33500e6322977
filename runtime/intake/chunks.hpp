#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "runtime/intake/event_time.hpp"
#include "runtime/threads/spin_lock.hpp"
#include "runtime/zset/array.hpp"

namespace lockstep {

/// Some items in one piece of memory, which never grows: items stay where they are.
template <class T>
struct Chunk {
  explicit Chunk(std::size_t capacity) { items.reserve(capacity); }
  bool full() const { return items.size() == items.capacity(); }

  Array<T> items;
  Chunk* next = nullptr;            // in its list, which owns it
  std::uint64_t step = 0;           // that its items will be in, if steps have a limit
  Timestamp latest = kNoTimestamp;  // up to its last item, if its input has event time
};

/// Chunks in a row. To append a chunk or a whole list neither allocates nor throws.
template <class T>
class ChunkList {
 public:
  ChunkList() = default;
  ChunkList(ChunkList&& other) noexcept
      : first_(std::exchange(other.first_, nullptr)), last_(std::exchange(other.last_, nullptr)) {}
  ChunkList& operator=(ChunkList&&) = delete;
  ~ChunkList() {
    while (!empty()) take_first();
  }

  bool empty() const { return first_ == nullptr; }
  Chunk<T>* first() const { return first_; }
  Chunk<T>* last() const { return last_; }

  void append(std::unique_ptr<Chunk<T>> chunk) noexcept { append(chunk.get(), chunk.get()), (void)chunk.release(); }
  void append(ChunkList&& other) noexcept {
    if (!other.empty()) append(std::exchange(other.first_, nullptr), std::exchange(other.last_, nullptr));
  }
  std::unique_ptr<Chunk<T>> take_first() noexcept {
    std::unique_ptr<Chunk<T>> chunk(first_);
    first_ = std::exchange(chunk->next, nullptr);
    if (first_ == nullptr) last_ = nullptr;
    return chunk;
  }

 private:
  void append(Chunk<T>* first, Chunk<T>* last) noexcept {
    (last_ == nullptr ? first_ : last_->next) = first;
    last_ = last;
  }

  Chunk<T>* first_ = nullptr;
  Chunk<T>* last_ = nullptr;
};

/// Empty chunks of one input that wait to be filled again, so that warm steps allocate nothing. Any thread.
template <class T>
class ChunkPool {
 public:
  /// The capacities of chunks: 64 items, and four times as many from class to class, up to about a megabyte.
  static constexpr std::size_t capacity(std::size_t size_class) { return std::size_t{64} << 2 * size_class; }
  static constexpr std::size_t kClasses = [] {
    std::size_t classes = 1;
    while (classes < 6 && capacity(classes) * sizeof(T) <= std::size_t{1} << 20) ++classes;
    return classes;
  }();
  /// The least class that has room for so many items, or the largest.
  static constexpr std::size_t class_for(std::size_t items) {
    std::size_t size_class = 0;
    while (size_class + 1 < kClasses && capacity(size_class) < items) ++size_class;
    return size_class;
  }

  std::unique_ptr<Chunk<T>> take(std::size_t size_class) {
    {
      const std::lock_guard lock(lock_);
      Shelf& shelf = shelves_[size_class];
      if (!shelf.chunks.empty()) {
        --shelf.count;
        return shelf.chunks.take_first();
      }
    }
    return std::make_unique<Chunk<T>>(capacity(size_class));
  }

  /// Takes over the chunks that a step has used. Of those that it had no need for, some go, so that a large step's
  /// memory is given back by and by.
  void give_back(ChunkList<T>&& used) noexcept {
    std::array<Shelf, kClasses> back;
    while (!used.empty()) {
      std::unique_ptr<Chunk<T>> chunk = used.take_first();
      chunk->items.clear();
      Shelf& shelf = back[class_for(chunk->items.capacity())];
      ++shelf.count;
      shelf.chunks.append(std::move(chunk));
    }
    ChunkList<T> surplus;  // destroyed after the lock is released
    const std::lock_guard lock(lock_);
    for (std::size_t i = 0; i < kClasses; ++i) {
      Shelf& shelf = shelves_[i];
      for (std::size_t some = (shelf.count + 7) / 8; some != 0 && shelf.count > back[i].count; --some, --shelf.count) {
        surplus.append(shelf.chunks.take_first());
      }
      shelf.chunks.append(std::move(back[i].chunks));
      shelf.count += back[i].count;
    }
  }

 private:
  struct Shelf {
    ChunkList<T> chunks;
    std::size_t count = 0;
  };

  SpinLock lock_;
  std::array<Shelf, kClasses> shelves_;
};

}  // namespace lockstep
