#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

/// Numbers of all sizes, small ones as often as large ones.
inline std::uint64_t any_bits(std::mt19937_64& random) {
  const auto bits = random();
  return bits >> (random() % 64);
}

/// Some of these pieces, fewer than so many.
inline std::string any_text(std::mt19937_64& random, const std::vector<std::string>& pieces, std::uint64_t below) {
  std::string text;
  for (auto left = random() % below; left != 0; --left) text += pieces[random() % pieces.size()];
  return text;
}
