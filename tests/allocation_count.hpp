#pragma once

#include <cstdint>

// This program's operator new, which tests can watch and let fail.

/// Counts the calls of operator new, of all threads, while it exists. One at a time.
class AllocationCount {
 public:
  AllocationCount();
  AllocationCount(const AllocationCount&) = delete;
  AllocationCount& operator=(const AllocationCount&) = delete;
  ~AllocationCount();

  std::uint64_t value() const;
};

/// Bytes that operator new has given out and that have not come back, as the allocator counts them.
std::uint64_t allocated_now();

/// While it exists, the n-th call of operator new, of any thread, finds no memory; `and_later`: and every one after it.
/// One at a time.
class MemoryEnds {
 public:
  MemoryEnds(std::uint64_t n, bool and_later);
  MemoryEnds(const MemoryEnds&) = delete;
  MemoryEnds& operator=(const MemoryEnds&) = delete;
  ~MemoryEnds();

  /// Whether so many calls have been made.
  bool reached() const;
};
