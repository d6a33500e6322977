#include "bench/hop.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "bench/harness.hpp"
#include "runtime/threads/doorbell.hpp"

namespace lockstep::bench {

double hop_nanoseconds() {
  constexpr std::uint64_t kBatches = 200;
  constexpr std::uint64_t kTrips = 100;
  struct alignas(64) Line {
    std::atomic<std::uint64_t> value{0};
  };
  Line there;
  Line back;
  std::thread other([&] {
    for (std::uint64_t trip = 1; trip <= kBatches * kTrips; ++trip) {
      while (there.value.load(std::memory_order_acquire) != trip) relax();
      back.value.store(trip, std::memory_order_release);
    }
  });
  std::vector<double> hops;
  std::uint64_t trip = 0;
  for (std::uint64_t batch = 0; batch < kBatches; ++batch) {
    const auto before = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < kTrips; ++i) {
      there.value.store(++trip, std::memory_order_release);
      while (back.value.load(std::memory_order_acquire) != trip) relax();
    }
    const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - before;
    hops.push_back(static_cast<double>(spent.count()) / (2.0 * kTrips));
  }
  other.join();
  return median(std::move(hops));
}

}  // namespace lockstep::bench
