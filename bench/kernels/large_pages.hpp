#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace lockstep::bench {

/// Asks the system to map what is allocated as large pages, as the engine does for its segments.
template <class T>
struct LargePages {
  using value_type = T;

  T* allocate(std::size_t count) {
    constexpr int kAnywhere = MAP_PRIVATE | MAP_ANONYMOUS;
    void* const memory = mmap(nullptr, bytes(count), PROT_READ | PROT_WRITE, kAnywhere, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    madvise(memory, bytes(count), MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t count) { munmap(memory, bytes(count)); }
  friend bool operator==(const LargePages&, const LargePages&) { return true; }

 private:
  static std::size_t bytes(std::size_t count) { return count * sizeof(T); }
};

}  // namespace lockstep::bench
