#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace lockstep {

class EdgeBase;

/// The set of nodes that are due, taken in topological order. Worker-local.
class DirtySet {
 public:
  void resize(std::size_t nodes) { words_.assign(nodes / 64 + 1, 0); }

  void set(std::uint32_t node) { words_[node / 64] |= std::uint64_t{1} << (node % 64); }

  /// Takes the first due node of [from, to) out of the set; `to` if there is none.
  std::uint32_t take(std::uint32_t from, std::uint32_t to) {
    if (from >= to) return to;
    std::size_t word = from / 64;
    std::uint64_t bits = words_[word] & (~std::uint64_t{0} << (from % 64));
    while (bits == 0) {
      if (++word * 64 >= to) return to;
      bits = words_[word];
    }
    const auto node = static_cast<std::uint32_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
    if (node >= to) return to;
    words_[word] &= ~(std::uint64_t{1} << (node % 64));
    return node;
  }

 private:
  std::vector<std::uint64_t> words_;
};

/// What the edges of one worker share: which activation it is, which nodes are due, which outputs have a delta.
struct Pulse {
  /// Counts activations, one for each round of each step; edges and exchanges are stamped with it.
  std::uint64_t tick = 0;
  DirtySet dirty;
  std::vector<EdgeBase*> published;
};

}  // namespace lockstep
