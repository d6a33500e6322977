#include "runtime/state/segment_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

namespace lockstep {

namespace {

constexpr std::size_t kSlab = std::size_t{2} << 20;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kCell = segment_memory::kUsualBytes;

constexpr bool kSanitized =
#if defined(__SANITIZE_ADDRESS__)
    true;
#elif defined(__has_feature)
    __has_feature(address_sanitizer);
#else
    false;
#endif

/// The head of a slab, before its cells.
class Slab : public boost::intrusive::list_base_hook<> {
 public:
  static Slab* of(void* cell) { return reinterpret_cast<Slab*>(reinterpret_cast<std::uintptr_t>(cell) & ~(kSlab - 1)); }

  bool full() const { return free_ == nullptr && begun_ == kCells; }
  bool empty() const { return used_ == 0; }

  /// REQUIRES: not full.
  void* take() {
    ++used_;
    if (free_ != nullptr) return std::exchange(free_, free_->next);
    return reinterpret_cast<std::byte*>(this) + kSlab - kCell * ++begun_;
  }
  void give_back(void* cell) {
    --used_;
    free_ = new (cell) Free{free_};
  }

 private:
  struct Free {
    Free* next;
  };
  static constexpr std::size_t kCells = kSlab / kCell;

  Free* free_ = nullptr;   // cells that were given back
  std::size_t begun_ = 0;  // cells that were ever taken, from the end on
  std::size_t used_ = 0;
};
static_assert(sizeof(Slab) <= kSlab % kCell);

Slab* make_slab() {
  constexpr int kAnywhere = MAP_PRIVATE | MAP_ANONYMOUS;
  void* const memory = mmap(nullptr, 2 * kSlab, PROT_READ | PROT_WRITE, kAnywhere, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(memory);
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(begin) % kSlab;
  if (before != 0) munmap(begin, before);
  munmap(begin + before + kSlab, kSlab - before);
  madvise(begin + before, kSlab, MADV_HUGEPAGE);  // else it works as well, but slower
  return new (begin + before) Slab();
}

/// If its pages are not large, the first touch was that of one of them only.
void touch(Slab& fresh) {
  for (std::size_t at = kPage; at < kSlab; at += kPage) {
    *(reinterpret_cast<volatile std::byte*>(&fresh) + at) = std::byte{0};
  }
}

class Slabs {
 public:
  void* allocate() {
    std::unique_lock lock(mutex_);
    if (open_.empty()) {
      lock.unlock();  // to touch a large page first takes long
      Slab* const fresh = make_slab();
      lock.lock();
      add(*fresh);
    }
    Slab& slab = open_.front();
    if (slab.empty()) kept_ -= kSlab;
    used_ += kCell;
    void* const cell = slab.take();
    if (slab.full()) open_.pop_front();
    return cell;
  }

  void free(void* cell) noexcept {
    if (Slab* const surplus = put_back(cell)) munmap(surplus, kSlab);
  }

  /// Others go on with what is ready meanwhile.
  void make_ready(std::size_t bytes) {
    std::unique_lock lock(mutex_);
    while (kept_ < bytes) {
      lock.unlock();
      Slab* const fresh = make_slab();
      touch(*fresh);
      lock.lock();
      add(*fresh);
    }
  }

  std::size_t bytes() {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }
  std::size_t used_bytes() {
    const std::lock_guard lock(mutex_);
    return used_;
  }

 private:
  void add(Slab& fresh) {
    open_.push_back(fresh);
    bytes_ += kSlab;
    kept_ += kSlab;
  }
  /// Returns the cell's slab if it is to be unmapped.
  Slab* put_back(void* cell) {
    const std::lock_guard lock(mutex_);
    Slab& slab = *Slab::of(cell);
    if (slab.full()) open_.push_front(slab);
    slab.give_back(cell);
    used_ -= kCell;
    if (!slab.empty()) return nullptr;
    open_.erase(open_.iterator_to(slab));
    if (kept_ < segment_memory::kMostKept) {
      open_.push_back(slab);
      kept_ += kSlab;
      return nullptr;
    }
    bytes_ -= kSlab;
    return &slab;
  }

  std::mutex mutex_;
  boost::intrusive::list<Slab> open_;  // slabs with room, those without a segment at the end
  std::size_t kept_ = 0;               // bytes of those without a segment
  std::size_t bytes_ = 0;
  std::size_t used_ = 0;  // bytes of cells
};

/// Never destroyed: segments may outlive all else.
Slabs& slabs() {
  static Slabs& all = *new Slabs();
  return all;
}

}  // namespace

bool segment_memory::in_slabs(std::size_t bytes) { return !kSanitized && bytes <= kCell && bytes > kCell / 4 * 3; }

void* segment_memory::allocate(std::size_t bytes) {
  return in_slabs(bytes) ? slabs().allocate() : ::operator new(bytes);
}

void segment_memory::free(void* memory, std::size_t bytes) noexcept {
  in_slabs(bytes) ? slabs().free(memory) : ::operator delete(memory);
}

std::size_t segment_memory::taken(std::size_t bytes) noexcept { return in_slabs(bytes) ? kCell : bytes; }

void segment_memory::make_ready(std::size_t bytes) noexcept {
  if (!in_slabs(kUsualBytes)) return;
  try {
    slabs().make_ready(std::min(bytes, kMostKept));
  } catch (const std::bad_alloc&) {  // whoever needs it will say so
  }
}

std::size_t segment_memory::slab_bytes() { return slabs().bytes(); }
std::size_t segment_memory::used_bytes() { return slabs().used_bytes(); }

}  // namespace lockstep
