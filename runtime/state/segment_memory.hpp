#pragma once

#include <cstddef>

#include "runtime/state/limits.hpp"

namespace lockstep {

/// Memory for segments of tables. Those of about the usual size lie together in slabs of 2 MiB, each of which the
/// system is asked to map as one large page, so that a probe seldom waits for the translation of its address.
/// (Measured: bench/NOTES.md.) Slabs without a segment are given back, but for some that are kept for the next ones.
/// Other sizes come from the program's allocator. Any thread.
namespace segment_memory {

/// Throws std::bad_alloc.
void* allocate(std::size_t bytes);
/// `bytes`: as many as were asked for.
void free(void* memory, std::size_t bytes) noexcept;

/// How much memory that takes.
std::size_t taken(std::size_t bytes) noexcept;

/// A usual size.
constexpr std::size_t kUsualBytes = IndexLimits().segment_bytes;
/// Sees to it that so many bytes of segments of the usual size can be had without new memory from the system, which
/// takes milliseconds now and then: for a thread that does not mind. Up to kMostKept; fewer, if there is no more
/// memory.
void make_ready(std::size_t bytes) noexcept;

/// Whether a segment of this size lies in a slab. Under the address sanitizer none does, so that it sees where each
/// one ends.
bool in_slabs(std::size_t bytes);
/// Bytes of slabs without a segment that are kept at most.
constexpr std::size_t kMostKept = std::size_t{256} << 20;
/// Bytes of the slabs that there are.
std::size_t slab_bytes();
/// What segments have of it.
std::size_t used_bytes();

}  // namespace segment_memory

}  // namespace lockstep
