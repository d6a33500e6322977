#include "runtime/zset/array.hpp"

namespace lockstep::array_memory {

namespace {

constexpr std::size_t kUsual = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

}  // namespace

void* allocate(std::size_t bytes, std::size_t alignment) {
  return alignment <= kUsual ? ::operator new(bytes) : ::operator new(bytes, std::align_val_t(alignment));
}

void free(void* memory, std::size_t alignment) noexcept {
  // (Of a conditional expression, clang 14 without optimization runs both sides.)
  if (alignment <= kUsual) return ::operator delete(memory);
  ::operator delete(memory, std::align_val_t(alignment));
}

std::size_t grown(std::size_t capacity, std::size_t wanted) {
  constexpr std::size_t kLeast = 4;
  return std::max({kLeast, 2 * capacity, wanted});
}

bool is_idle(std::size_t used_bytes, std::size_t bytes) noexcept {
  constexpr std::size_t kLittle = std::size_t{64} << 10;
  return bytes > kLittle && used_bytes < bytes / 16;
}

void* grow(void* old, std::size_t used_bytes, std::size_t bytes, std::size_t alignment) {
  void* const memory = allocate(bytes, alignment);
  if (used_bytes != 0) std::memcpy(memory, old, used_bytes);
  if (old != nullptr) free(old, alignment);
  return memory;
}

}  // namespace lockstep::array_memory
