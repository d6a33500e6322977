#pragma once

#include <chrono>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace lockstep::bench {

/// Seconds since some moment.
inline double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline double seconds_of(const std::function<void()>& function) {
  const double before = wall_seconds();
  function();
  return wall_seconds() - before;
}

/// Processor time of the threads that this process has when the clock is made, each asked by itself: the clock of the
/// process learns what runs on other processors only when they tick, every few milliseconds.
class ProcessorClock {
 public:
  ProcessorClock() {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      // As pthread_getcpuclockid makes it of a thread's number.
      constexpr unsigned kThreadsSchedule = 6;
      const unsigned thread = static_cast<unsigned>(std::stoul(task.path().filename()));
      clocks_.push_back(static_cast<clockid_t>((~thread << 3) | kThreadsSchedule));
    }
  }

  double seconds() const {
    double sum = 0;
    for (const clockid_t clock : clocks_) {
      std::timespec time{};
      clock_gettime(clock, &time);
      sum += static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
    }
    return sum;
  }

 private:
  std::vector<clockid_t> clocks_;
};

}  // namespace lockstep::bench
