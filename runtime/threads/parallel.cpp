#include "runtime/threads/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace lockstep {

void in_parallel(unsigned threads, std::size_t count, const std::function<void(std::size_t)>& function) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (std::size_t i = 0; (i = next.fetch_add(1)) < count;) function(i);
    } catch (...) {
      next.store(count);
      const std::lock_guard lock(mutex);
      if (failure == nullptr) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    const std::size_t wanted = std::min<std::size_t>(threads, count);
    try {
      others.reserve(threads);
      while (others.size() + 1 < wanted) others.emplace_back(work);
    } catch (...) {  // fewer threads will do
    }
    work();
  }
  if (failure != nullptr) std::rethrow_exception(failure);
}

}  // namespace lockstep
