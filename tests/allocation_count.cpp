#include "tests/allocation_count.hpp"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

std::atomic<bool> counting = false;
std::atomic<std::uint64_t> allocations = 0;
std::atomic<std::uint64_t> live = 0;

// Calls until there is no memory; 0: there is.
std::atomic<std::uint64_t> until_the_end = 0;
std::atomic<bool> and_later = false;
std::atomic<bool> the_end = false;

bool memory_has_ended() {
  if (the_end.load(std::memory_order_relaxed) && and_later.load(std::memory_order_relaxed)) return true;
  std::uint64_t left = until_the_end.load(std::memory_order_relaxed);
  while (left != 0 && !until_the_end.compare_exchange_weak(left, left - 1)) {
  }
  if (left != 1) return false;
  the_end = true;
  return true;
}

void* counted(std::size_t bytes, std::size_t alignment) {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
  if (memory_has_ended()) throw std::bad_alloc();
  void* memory = alignment <= alignof(std::max_align_t)
                     ? std::malloc(std::max<std::size_t>(bytes, 1))
                     : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  live.fetch_add(malloc_usable_size(memory), std::memory_order_relaxed);
  return memory;
}

void give_back(void* memory) {
  live.fetch_sub(malloc_usable_size(memory), std::memory_order_relaxed);
  std::free(memory);
}

}  // namespace

AllocationCount::AllocationCount() {
  allocations = 0;
  counting = true;
}
AllocationCount::~AllocationCount() { counting = false; }
std::uint64_t AllocationCount::value() const { return allocations; }

std::uint64_t allocated_now() { return live; }

MemoryEnds::MemoryEnds(std::uint64_t n, bool later) {
  the_end = false;
  and_later = later;
  until_the_end = n;
}
MemoryEnds::~MemoryEnds() {
  until_the_end = 0;
  and_later = false;
}
bool MemoryEnds::reached() const { return the_end; }

void* operator new(std::size_t bytes) { return counted(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return ::operator new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { give_back(memory); }
