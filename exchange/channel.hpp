#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lockstep {

/// A bounded queue from one thread to one other, lock-free. Items are filled and read in place, so that their memory is
/// reused. Each side keeps a copy of the other's index and looks at the index itself only when the copy says full or
/// empty, and the indices lie on cache lines of their own (after rigtorp's SPSCQueue).
template <class Item>
class Channel {
 public:
  explicit Channel(std::size_t capacity, const Item& item = {})
      : mask_(std::bit_ceil(capacity) - 1), items_(mask_ + 1, item) {}

  std::size_t capacity() const { return mask_ + 1; }

  // The sender's.

  /// The item to fill next, or null while the queue is full.
  Item* vacant() {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ > mask_) {
      // Acquire, pairs with pop(): the receiver is done with the item.
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail - head_seen_ > mask_) return nullptr;
    }
    return &items_[tail & mask_];
  }
  /// The vacant item is filled: the receiver may have it. REQUIRES: vacant() was not null.
  void push() {
    // Release, pairs with front(): the receiver sees the item and all that was written before.
    tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  // The receiver's.

  /// The oldest item, or null while the queue is empty.
  Item* front() {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head == tail_seen_) return nullptr;
    }
    return &items_[head & mask_];
  }
  /// The front item is read: the sender may fill it again. REQUIRES: front() was not null.
  void pop() { head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

 private:
  const std::uint64_t mask_;
  std::vector<Item> items_;

  alignas(64) std::atomic<std::uint64_t> tail_{0};  // written by the sender
  std::uint64_t head_seen_ = 0;
  alignas(64) std::atomic<std::uint64_t> head_{0};  // written by the receiver
  std::uint64_t tail_seen_ = 0;
};

}  // namespace lockstep
