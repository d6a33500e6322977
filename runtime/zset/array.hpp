#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace lockstep {

/// Memory for arrays of any type.
namespace array_memory {

void* allocate(std::size_t bytes, std::size_t alignment);
void free(void* memory, std::size_t alignment) noexcept;
/// How many items an array of `capacity` that is full should hold next, at least `wanted`.
std::size_t grown(std::size_t capacity, std::size_t wanted);
/// Whether an array that held so many bytes in the end has much more memory than it needs.
bool is_idle(std::size_t used_bytes, std::size_t bytes) noexcept;
/// Memory for `capacity` items that are no more than their bytes, and in it those of `old`, which is freed.
void* grow(void* old, std::size_t used_bytes, std::size_t bytes, std::size_t alignment);

}  // namespace array_memory

/// A growable array, for hot loops that append, and for templates. What is pushed is made in its place: of a vector as
/// others are, GCC 12 makes an item on the stack by halves and copies it from there as a whole, before the halves have
/// arrived. (Measured: 15 % of a keyed count.) And it consists of few functions, so that a type of rows costs little to
/// compile. Items must move without throwing. If growth fails, all is as it was.
template <class T>
class Array {
 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  Array() = default;
  // By way of the one above, so that what was made is destroyed if an item throws.
  explicit Array(std::size_t size) : Array() { resize(size); }
  Array(std::initializer_list<T> items) : Array() { append(items.begin(), items.end()); }
  template <std::forward_iterator Iterator>
  Array(Iterator first, Iterator last) : Array() {
    append(first, last);
  }
  Array(const Array& other) : Array() { append(other.begin(), other.end()); }
  Array(Array&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Array& operator=(const Array& other) {
    if (this != &other) {
      clear();
      append(other.begin(), other.end());
    }
    return *this;
  }
  Array& operator=(Array&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Array() {
    clear();
    if (data_ != nullptr) array_memory::free(data_, alignof(T));
  }
  void swap(Array& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t at) { return data_[at]; }
  const T& operator[](std::size_t at) const { return data_[at]; }
  T& front() { return data_[0]; }
  const T& front() const { return data_[0]; }
  T& back() { return data_[size_ - 1]; }
  const T& back() const { return data_[size_ - 1]; }

  [[gnu::always_inline]] void push_back(T item) {
    if (size_ == capacity_) [[unlikely]]
      grow(size_ + 1);
    std::construct_at(data_ + size_, std::move(item));
    ++size_;
  }
  /// Pushes, and takes back if not: without a branch, for conditions that are as good as random.
  [[gnu::always_inline]] void push_back_if(bool condition, T item) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (size_ == capacity_) [[unlikely]]
      grow(size_ + 1);
    std::construct_at(data_ + size_, std::move(item));
    size_ += condition ? 1 : 0;
  }
  template <class... Argument>
  [[gnu::always_inline]] T& emplace_back(Argument... argument) {
    if (size_ == capacity_) [[unlikely]]
      grow(size_ + 1);
    T* const made = new (static_cast<void*>(data_ + size_)) T{std::move(argument)...};
    ++size_;
    return *made;
  }
  /// Asks for the memory of later pushes, of which there may be many: of a page, the processor learns only when it is
  /// there. (Measured: 5 % of a keyed count, 7 % of a worker's that shares the caches with another.)
  [[gnu::always_inline]] void prefetch_ahead() const {
    constexpr std::size_t kBytesAhead = 1536;
    __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(data_ + size_) + kBytesAhead), 1);
  }
  void pop_back() { std::destroy_at(data_ + --size_); }

  template <class Iterator>
  void append(Iterator first, Iterator last) {
    const auto count = static_cast<std::size_t>(std::distance(first, last));
    if (count == 0) return;
    reserve(size_ + count);
    if constexpr (kBytes && (std::is_same_v<Iterator, const T*> || std::is_same_v<Iterator, T*>)) {
      std::memcpy(static_cast<void*>(data_ + size_), static_cast<const void*>(first), count * sizeof(T));
      size_ += count;
    } else {
      for (; first != last; ++first, ++size_) std::construct_at(data_ + size_, *first);
    }
  }

  void reserve(std::size_t wanted) {
    if (wanted > capacity_) grow(wanted);
  }
  void clear() { truncate(0); }
  /// Keeps the first so many items.
  void truncate(std::size_t size) {
    if constexpr (!std::is_trivially_destructible_v<T>) destroy_from(size);
    size_ = size;
  }
  /// Clears, and gives back the memory if there is much of it and of late hardly any was used.
  [[gnu::cold]] void give_back_idle() { give_back_idle(size_); }
  [[gnu::cold, gnu::noinline]] void give_back_idle(std::size_t used) {
    truncate(0);
    if (array_memory::is_idle(used * sizeof(T), capacity_ * sizeof(T))) Array().swap(*this);
  }
  /// New items are value-initialised.
  void resize(std::size_t size) {
    if (size <= size_) return truncate(size);
    reserve(size);
    for (; size_ < size; ++size_) std::construct_at(data_ + size_);
  }
  void assign(std::size_t size, const T& item) {
    clear();
    reserve(size);
    for (; size_ < size; ++size_) std::construct_at(data_ + size_, item);
  }
  template <std::forward_iterator Iterator>
  void assign(Iterator first, Iterator last) {
    clear();
    append(first, last);
  }
  template <class Predicate>
  void erase_if(Predicate&& gone) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < size_; ++i) {
      if (gone(std::as_const(data_[i]))) continue;
      if (kept != i) data_[kept] = std::move(data_[i]);
      ++kept;
    }
    truncate(kept);
  }

 private:
  static constexpr bool kBytes = std::is_trivially_copyable_v<T>;

  /// Out of line, for the time and memory that programs take to compile.
  [[gnu::noinline]] void destroy_from(std::size_t first) noexcept {
    for (std::size_t i = first; i < size_; ++i) std::destroy_at(data_ + i);
  }

  [[gnu::noinline]] void grow(std::size_t wanted) {
    const std::size_t capacity = array_memory::grown(capacity_, wanted);
    if constexpr (kBytes) {
      data_ = static_cast<T*>(array_memory::grow(data_, size_ * sizeof(T), capacity * sizeof(T), alignof(T)));
    } else {
      static_assert(std::is_nothrow_move_constructible_v<T>);
      T* const moved = static_cast<T*>(array_memory::allocate(capacity * sizeof(T), alignof(T)));
      for (std::size_t i = 0; i < size_; ++i) {
        std::construct_at(moved + i, std::move(data_[i]));
        std::destroy_at(data_ + i);
      }
      if (data_ != nullptr) array_memory::free(data_, alignof(T));
      data_ = moved;
    }
    capacity_ = capacity;
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

template <class Iterator>
Array(Iterator, Iterator) -> Array<typename std::iterator_traits<Iterator>::value_type>;

}  // namespace lockstep
