#pragma once

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <lockstep.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

/// What tests of a runtime's life share: a dataflow that calls a function of the test's, and calls of other threads
/// that sleep, must end, or are held up.

using namespace std::chrono_literals;
using Number = std::int64_t;

inline const lockstep::StepPolicy kAtOnce{.rows = 1};
inline const lockstep::StepPolicy kNever{.rows = std::size_t{1} << 40, .every = 1h};

inline const lockstep::RuntimeOptions kOptions[] = {{},
                                                    {.workers = 3, .threads = 1},
                                                    {.workers = 3, .threads = 2, .small_step_rows = 0},
                                                    {.workers = 3, .schedule_seed = 7}};

/// Runs a function that must not hang.
template <class Function>
void ends(Function function) {
  std::packaged_task<void()> task(std::move(function));
  auto done = task.get_future();
  std::thread thread(std::move(task));
  if (done.wait_for(60s) != std::future_status::ready) {
    std::fputs("a call hangs\n", stderr);
    std::abort();
  }
  thread.join();
  done.get();
}

/// Calls a function in another thread, and returns when that thread sleeps, or has ended. (By what Linux says of it: a
/// time that is long enough on an idle machine is too short on a busy one.)
template <class Function>
auto call_until_asleep(Function function) {
  std::atomic<pid_t> id = 0;
  auto task = [&id, function = std::move(function)]() mutable {
    id = gettid();
    return function();
  };
  auto result = std::async(std::launch::async, std::move(task));
  for (int asleep = 0; asleep < 3 && result.wait_for(1ms) != std::future_status::ready;) {
    std::string line;
    std::getline(std::ifstream("/proc/self/task/" + std::to_string(id) + "/stat"), line);
    asleep = line.find(") S ") != std::string::npos ? asleep + 1 : 0;
  }
  return result;
}

/// Numbers pass through a function of the test's.
struct Calling {
  explicit Calling(const lockstep::RuntimeOptions& options = {}) {
    runtime = std::make_unique<lockstep::Runtime>(flow, options);
  }

  lockstep::Dataflow flow;
  std::function<void(Number)> call = [](Number) {};
  lockstep::Input<Number> in = flow.input<Number>("in");
  lockstep::Output<Number> out = in | lockstep::map([this](Number n) {
                                   call(n);
                                   return n;
                                 }) |
                                 lockstep::output("out", lockstep::accumulated);
  std::unique_ptr<lockstep::Runtime> runtime;
};

/// Holds a step up until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    news_.notify_all();
    news_.wait(lock, [this] { return open_; });
  }
  void await_somebody() {
    std::unique_lock lock(mutex_);
    news_.wait(lock, [this] { return waiting_ != 0; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    news_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable news_;
  bool open_ = false;
  int waiting_ = 0;
};

inline std::string failure_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}
