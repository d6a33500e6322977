#pragma once

#include <cstddef>

namespace lockstep {

/// Some neighbouring items of an array. (As std::span is, of a tenth of its functions: each type of rows has a dozen of
/// these.)
template <class T>
class Slice {
 public:
  using value_type = T;

  constexpr Slice() = default;
  constexpr Slice(T* data, std::size_t size) : data_(data), size_(size) {}
  /// Of anything that has data() and size(), such as a vector, or a slice of items that may be written.
  template <class Items>
  requires requires(Items& items, T*& data) { data = items.data(), items.size(); }
  constexpr Slice(Items& items) : data_(items.data()), size_(items.size()) {}
  template <class Items>
  requires requires(const Items& items, T*& data) { data = items.data(), items.size(); }
  constexpr Slice(const Items& items) : data_(items.data()), size_(items.size()) {}

  constexpr T* data() const { return data_; }
  constexpr std::size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr T* begin() const { return data_; }
  constexpr T* end() const { return data_ + size_; }
  constexpr T& operator[](std::size_t at) const { return data_[at]; }
  constexpr T& front() const { return data_[0]; }
  constexpr T& back() const { return data_[size_ - 1]; }
  constexpr Slice first(std::size_t count) const { return {data_, count}; }
  constexpr Slice subspan(std::size_t from) const { return {data_ + from, size_ - from}; }
  constexpr Slice subspan(std::size_t from, std::size_t count) const { return {data_ + from, count}; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace lockstep
