#include "runtime/state/segment_memory.hpp"

#include <sys/mman.h>

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

#include "runtime/state/limits.hpp"

namespace lockstep {

namespace {

constexpr std::size_t kPiece = std::size_t{2} << 20;
constexpr std::size_t kBlock = IndexLimits().segment_bytes;

constexpr bool kSanitized =
#if defined(__SANITIZE_ADDRESS__)
    true;
#elif defined(__has_feature)
    __has_feature(address_sanitizer);
#else
    false;
#endif

/// The head of a piece, before its blocks.
class Piece : public boost::intrusive::list_base_hook<> {
 public:
  static Piece* of(void* block) {
    return reinterpret_cast<Piece*>(reinterpret_cast<std::uintptr_t>(block) & ~(kPiece - 1));
  }

  bool full() const { return free_ == nullptr && begun_ == kBlocks; }
  bool empty() const { return used_ == 0; }

  /// REQUIRES: not full.
  void* take() {
    ++used_;
    if (free_ != nullptr) return std::exchange(free_, free_->next);
    return reinterpret_cast<std::byte*>(this) + kPiece - kBlock * ++begun_;
  }
  void give_back(void* block) {
    --used_;
    free_ = new (block) Free{free_};
  }

 private:
  struct Free {
    Free* next;
  };
  static constexpr std::size_t kBlocks = kPiece / kBlock;

  Free* free_ = nullptr;   // blocks that were given back
  std::size_t begun_ = 0;  // blocks that were ever taken, from the end on
  std::size_t used_ = 0;
};
static_assert(sizeof(Piece) <= kPiece % kBlock);

Piece* make_piece() {
  constexpr int kAnywhere = MAP_PRIVATE | MAP_ANONYMOUS;
  void* const memory = mmap(nullptr, 2 * kPiece, PROT_READ | PROT_WRITE, kAnywhere, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(memory);
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(begin) % kPiece;
  if (before != 0) munmap(begin, before);
  munmap(begin + before + kPiece, kPiece - before);
  madvise(begin + before, kPiece, MADV_HUGEPAGE);  // else it works as well, but slower
  return new (begin + before) Piece();
}

class Pieces {
 public:
  void* allocate() {
    std::unique_lock lock(mutex_);
    if (open_.empty()) {
      lock.unlock();  // to touch a large page first takes long
      Piece* const fresh = make_piece();
      lock.lock();
      open_.push_back(*fresh);
      bytes_ += kPiece;
      kept_ += kPiece;
    }
    Piece& piece = open_.front();
    if (piece.empty()) kept_ -= kPiece;
    void* const block = piece.take();
    if (piece.full()) open_.pop_front();
    return block;
  }

  void free(void* block) noexcept {
    if (Piece* const surplus = put_back(block)) munmap(surplus, kPiece);
  }

  std::size_t bytes() {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  /// Returns the block's piece if it is to be unmapped.
  Piece* put_back(void* block) {
    const std::lock_guard lock(mutex_);
    Piece& piece = *Piece::of(block);
    if (piece.full()) open_.push_front(piece);
    piece.give_back(block);
    if (!piece.empty()) return nullptr;
    open_.erase(open_.iterator_to(piece));
    if (kept_ < segment_memory::kMostKept) {
      open_.push_back(piece);
      kept_ += kPiece;
      return nullptr;
    }
    bytes_ -= kPiece;
    return &piece;
  }

  std::mutex mutex_;
  boost::intrusive::list<Piece> open_;  // pieces with room, those without a segment at the end
  std::size_t kept_ = 0;                // bytes of those without a segment
  std::size_t bytes_ = 0;
};

/// Never destroyed: segments may outlive all else.
Pieces& pieces() {
  static Pieces& all = *new Pieces();
  return all;
}

}  // namespace

bool segment_memory::in_pieces(std::size_t bytes) { return !kSanitized && bytes <= kBlock && bytes > kBlock / 4 * 3; }

void* segment_memory::allocate(std::size_t bytes) {
  return in_pieces(bytes) ? pieces().allocate() : ::operator new(bytes);
}

void segment_memory::free(void* memory, std::size_t bytes) noexcept {
  in_pieces(bytes) ? pieces().free(memory) : ::operator delete(memory);
}

std::size_t segment_memory::piece_bytes() { return pieces().bytes(); }

}  // namespace lockstep
