#pragma once

#include <cstdint>

/// Counts the calls of operator new, of all threads, while it exists. One at a time.
class AllocationCount {
 public:
  AllocationCount();
  AllocationCount(const AllocationCount&) = delete;
  AllocationCount& operator=(const AllocationCount&) = delete;
  ~AllocationCount();

  std::uint64_t value() const;
};
