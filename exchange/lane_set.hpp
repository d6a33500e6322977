#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lockstep {

/// A set of lanes. The first 64, which is mostly all there are, lie in the set itself: in a message, that saves the
/// receiver a cache line from another core.
class LaneSet {
 public:
  /// Room for lanes below `lanes`.
  explicit LaneSet(std::size_t lanes = 0) : more_(lanes <= 64 ? 0 : (lanes - 1) / 64) {}

  void add(std::uint32_t lane) { word(lane / 64) |= std::uint64_t{1} << (lane % 64); }
  /// Both have room for the same lanes.
  void add(const LaneSet& other) {
    first_ |= other.first_;
    for (std::size_t i = 0; i < more_.size(); ++i) more_[i] |= other.more_[i];
  }
  void clear() {
    first_ = 0;
    for (std::uint64_t& word : more_) word = 0;
  }

  /// In order.
  template <class Function>
  void for_each(Function&& function) const {
    for_each_of(first_, 0, function);
    for (std::size_t i = 0; i < more_.size(); ++i)
      for_each_of(more_[i], static_cast<std::uint32_t>(64 * (i + 1)), function);
  }

 private:
  std::uint64_t& word(std::size_t i) { return i == 0 ? first_ : more_[i - 1]; }

  template <class Function>
  static void for_each_of(std::uint64_t word, std::uint32_t base, Function& function) {
    for (; word != 0; word &= word - 1) function(base + static_cast<std::uint32_t>(std::countr_zero(word)));
  }

  std::uint64_t first_ = 0;
  std::vector<std::uint64_t> more_;
};

}  // namespace lockstep
