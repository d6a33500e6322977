#pragma once

#include <cstddef>
#include <functional>

namespace lockstep {

/// Calls function(i) for each i below `count`, in so many threads, of which the caller is one, each taking the next i
/// that nobody has. Throws the first exception that one of them throws, when all have ended; after it, no further i is
/// taken.
void in_parallel(unsigned threads, std::size_t count, const std::function<void(std::size_t)>& function);

}  // namespace lockstep
