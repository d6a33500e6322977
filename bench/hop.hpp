#pragma once

namespace lockstep::bench {

/// How long a cache line takes from one core to another: half of a round trip between two threads, in nanoseconds,
/// the median of many.
double hop_nanoseconds();

}  // namespace lockstep::bench
