#pragma once

#include <algorithm>
#include <barrier>
#include <thread>
#include <vector>

#include "bench/stopwatch.hpp"

namespace lockstep::bench {

/// Runs job(thread) in so many threads at once; the seconds from the first's begin to the last's end.
template <class Job>
double together(unsigned threads, Job&& job) {
  std::barrier line(threads);
  std::vector<double> begins(threads), ends(threads);
  const auto run = [&](unsigned thread) {
    line.arrive_and_wait();
    begins[thread] = wall_seconds();
    job(thread);
    ends[thread] = wall_seconds();
  };
  std::vector<std::thread> others;
  for (unsigned thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
  run(0);
  for (std::thread& other : others) other.join();
  return *std::max_element(ends.begin(), ends.end()) - *std::min_element(begins.begin(), begins.end());
}

}  // namespace lockstep::bench
