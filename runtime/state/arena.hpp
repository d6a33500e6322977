#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

namespace lockstep {

/// The part of a segment that holds what does not fit into its entries: blocks of 64 bytes times a power of
/// two, named by their offset, so that the arena can be moved or copied as a whole. Freed blocks are reused by
/// size. Worker-local. The owner constructs and destroys what is in the blocks.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { release(data_); }

  /// Gives back a buffer that grow() returned.
  static void release(std::byte* data) { ::operator delete (data, std::align_val_t{kSmallest}); }

  static constexpr std::uint32_t block_bytes(std::size_t wanted) {
    return static_cast<std::uint32_t>(std::bit_ceil(std::max<std::size_t>(wanted, kSmallest)));
  }

  std::byte* at(std::uint32_t offset) { return data_ + offset; }
  const std::byte* at(std::uint32_t offset) const { return data_ + offset; }
  const std::byte* base() const { return data_; }
  std::uint32_t capacity() const { return capacity_; }
  std::uint32_t live() const { return live_; }
  bool mostly_free() const { return capacity_ > 32 * kSmallest && live_ < capacity_ / 8; }

  bool has_room(std::uint32_t bytes) const { return free_[size_class(bytes)] != 0 || capacity_ - used_ >= bytes; }

  /// REQUIRES: bytes is a block_bytes(), has_room(bytes).
  std::uint32_t allocate(std::uint32_t bytes) {
    live_ += bytes;
    std::uint32_t& head = free_[size_class(bytes)];
    if (head != 0) {
      const std::uint32_t offset = head - 1;
      std::memcpy(&head, data_ + offset, sizeof head);
      return offset;
    }
    return std::exchange(used_, used_ + bytes);
  }

  void free(std::uint32_t offset, std::uint32_t bytes) {
    live_ -= bytes;
    std::uint32_t& head = free_[size_class(bytes)];
    std::memcpy(data_ + offset, &head, sizeof head);
    head = offset + 1;
  }

  /// Moves to a buffer with room for `more` bytes, all blocks keeping their offsets. Their bytes are copied as
  /// they are; the returned old buffer lets the owner move those that have to be moved in another way.
  std::byte* grow(std::uint32_t more) {
    const std::uint64_t least = std::uint64_t{used_} + more;
    if (least > kMost) throw std::bad_alloc();
    const auto wanted = static_cast<std::uint32_t>(
        std::max(least, std::min<std::uint64_t>(kMost, std::uint64_t{capacity_} + capacity_ / 2)));
    auto* fresh = static_cast<std::byte*>(::operator new (wanted, std::align_val_t{kSmallest}));
    if (used_ != 0) std::memcpy(fresh, data_, used_);
    capacity_ = wanted;
    return std::exchange(data_, fresh);
  }

  /// Takes the layout of another arena, with every block at the same offset, and its bytes.
  void copy_layout(const Arena& other) {
    used_ = live_ = 0;
    if (other.used_ == 0) return;
    grow(other.used_);
    std::memcpy(data_, other.data_, other.used_);
    used_ = other.used_;
    live_ = other.live_;
    free_ = other.free_;
  }

 private:
  static constexpr std::uint32_t kSmallest = 64;  // a cache line
  static constexpr std::uint32_t kMost = ~std::uint32_t{0} / kSmallest * kSmallest;
  static constexpr std::size_t kClasses = 24;

  static constexpr std::size_t size_class(std::uint32_t bytes) {
    return static_cast<std::size_t>(std::countr_zero(bytes / kSmallest));
  }

  std::byte* data_ = nullptr;
  std::uint32_t capacity_ = 0;
  std::uint32_t used_ = 0;
  std::uint32_t live_ = 0;
  std::array<std::uint32_t, kClasses> free_{};  // offset + 1 of the first free block of each size
};

}  // namespace lockstep
