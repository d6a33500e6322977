#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "runtime/doorbell.hpp"
#include "runtime/worker.hpp"

namespace lockstep {

/// The threads that run the workers: the caller of run() and helpers that wait between steps. Worker w is run by
/// thread w mod threads. A step begins when the caller counts up `begun_` and ends at the barrier, when every helper
/// has counted up `arrived_`.
class Crew {
 public:
  struct Options {
    unsigned threads = 1;
    bool spin = true;
    bool pin = false;
    /// Run one node at a time, of a worker chosen at random: any schedule can happen, and happens again with the
    /// same seed. One thread.
    std::optional<std::uint64_t> schedule_seed = std::nullopt;
  };

  Crew(std::vector<std::unique_ptr<Worker>>& workers, Failure& failure, const Options& options);
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew();

  /// The bell of each worker's thread.
  std::vector<Doorbell*> bells_by_worker();

  /// Runs one step on all workers; the caller runs a share itself. Returns after the barrier. One caller at a time.
  void run(const StepOrder& order);

 private:
  void help(unsigned thread);
  void run_share(unsigned thread);
  void run_simulated();
  void wake_all();
  void pin_to_processor(unsigned thread);

  std::vector<std::unique_ptr<Worker>>& workers_;
  Failure& failure_;
  const Options options_;
  std::minstd_rand schedule_;
  std::vector<std::unique_ptr<Doorbell>> bells_;     // by thread
  std::vector<std::vector<Worker*>> unfinished_;     // by thread: workers still in the step
  const StepOrder* order_ = nullptr;                 // written before begun_, read after it
  alignas(64) std::atomic<std::uint64_t> begun_{0};  // steps begun; helpers acquire what the caller released
  alignas(64) std::atomic<unsigned> arrived_{0};     // helpers that ended the step; the caller acquires their writes
  std::atomic<bool> closing_{false};
  std::vector<std::jthread> helpers_;
};

/// Processors that this process may run on.
unsigned allowed_processors();

}  // namespace lockstep
