#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace lockstep {

/// The set of nodes that are due, taken in topological order. Worker-local.
class DirtySet {
 public:
  void resize(std::size_t nodes) { words_.assign(nodes / 64 + 1, 0); }

  void set(std::uint32_t node) { words_[node / 64] |= std::uint64_t{1} << (node % 64); }

  /// Takes the first due node out of the set, if it is less than `to`; else returns `to`. REQUIRES: none before `from`
  /// is due.
  std::uint32_t take(std::uint32_t from, std::uint32_t to) {
    // Most often it is `from` itself. As an answer that hangs on a branch and not on the word, which has just been
    // written, the processor guesses it, and is at the next node before this one is done. (Measured: bench/NOTES.md.)
    const std::uint32_t node = from < to && due(from) ? from : first_due(from, to);
    if (node != to) words_[node / 64] &= ~(std::uint64_t{1} << (node % 64));
    return node;
  }

 private:
  bool due(std::uint32_t node) const { return (words_[node / 64] >> (node % 64) & 1) != 0; }

  [[gnu::noinline]] std::uint32_t first_due(std::uint32_t from, std::uint32_t to) const {
    for (std::uint32_t word = from / 64; word * 64 < to; ++word) {
      if (words_[word] != 0)
        return std::min(to, word * 64 + static_cast<std::uint32_t>(std::countr_zero(words_[word])));
    }
    return to;
  }

  std::vector<std::uint64_t> words_;
};

}  // namespace lockstep
