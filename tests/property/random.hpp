#pragma once

#include <cstdint>
#include <initializer_list>
#include <iterator>

namespace lockstep::property {

/// SplitMix64: the same numbers everywhere.
class Random {
 public:
  using result_type = std::uint64_t;

  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e37'79b9'7f4a'7c15;
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
    return z ^ (z >> 31);
  }
  std::uint64_t operator()() { return next(); }
  static constexpr std::uint64_t min() { return 0; }
  static constexpr std::uint64_t max() { return ~std::uint64_t{0}; }

  /// 0 to n − 1.
  int below(int n) { return static_cast<int>(next() % static_cast<std::uint64_t>(n)); }
  int between(int low, int high) { return low + below(high - low + 1); }
  bool chance(int percent) { return below(100) < percent; }
  template <class Container>
  auto& of(Container& items) {
    return items[next() % std::size(items)];
  }
  template <class T>
  T one_of(std::initializer_list<T> items) {
    return *(items.begin() + next() % items.size());
  }

 private:
  std::uint64_t state_;
};

}  // namespace lockstep::property
