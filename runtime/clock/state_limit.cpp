#include "runtime/clock/state_limit.hpp"

#include <fmt/format.h>

#include "runtime/faults/errors.hpp"

namespace lockstep {

void StateLimit::changed(std::uint64_t before, std::uint64_t after) {
  const std::uint64_t grown = after - before;  // modulo 2^64
  const std::uint64_t bytes = bytes_.fetch_add(grown, std::memory_order_relaxed) + grown;
  if (after > before && bytes > most_) {
    throw StateTooLarge(
        fmt::format("the state of all operators would hold {} bytes, and {} are the most", bytes, most_));
  }
}

}  // namespace lockstep
