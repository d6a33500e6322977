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
    void* const memory = ::operator new(count * sizeof(T), kPage);
    madvise(memory, count * sizeof(T), MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t) { ::operator delete(memory, kPage); }
  friend bool operator==(const LargePages&, const LargePages&) { return true; }

 private:
  static constexpr std::align_val_t kPage{std::size_t{2} << 20};
};

}  // namespace lockstep::bench
