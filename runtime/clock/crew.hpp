#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "runtime/clock/worker.hpp"
#include "runtime/steps/run_state.hpp"
#include "runtime/threads/doorbell.hpp"

namespace lockstep {

/// The threads that run the workers: the caller of run() and helpers that wait between steps. Worker w is in the share
/// of thread w mod threads; but in a small step the caller begins alone, since to share it would take longer, and
/// shares what is left when the step is not over soon. The helpers begin when the caller counts up `calls_`, or if they
/// are late, the caller runs their shares: who marks a share as taken runs it. The step ends at the barrier, when
/// `arrivals_` has been counted up for every helper's share.
class Crew {
 public:
  struct Options {
    unsigned threads = 1;
    bool spin = true;
    bool pin = false;
    /// Steps that seal fewer rows are small. 0: none is, and helpers run their shares however late they are.
    std::size_t small_step_rows = 0;
    /// Run one node at a time, of a worker chosen at random: any schedule can happen, and happens again with the
    /// same seed. One thread.
    std::optional<std::uint64_t> schedule_seed = std::nullopt;
  };

  Crew(std::vector<std::unique_ptr<Worker>>& workers, RunState& state, const Options& options);
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew();

  /// The bell of each worker's thread.
  std::vector<Doorbell*> bells_by_worker();

  /// Runs one step on all workers; the caller runs a share itself. Returns after the barrier. One caller at a time.
  void run(const StepOrder& order);

  /// What wakes the helpers, when a step will come soon that is worth being awake for. Any thread may call it, and
  /// later than the crew is gone.
  std::function<void()> rouser() const;

 private:
  void close();
  void help(unsigned thread);
  void begin_share(unsigned thread, unsigned threads);
  bool take_share(unsigned thread, std::uint64_t call);
  bool take_late_shares();
  void finish_share(unsigned thread);
  bool run_alone();
  bool is_small(std::size_t rows) const;
  bool helpers_sleep() const;
  void run_simulated();
  void share_all();
  void call_helpers();
  void wake_all();
  void pin_to_processor(unsigned thread);

  std::vector<std::unique_ptr<Worker>>& workers_;
  RunState& state_;
  Failure& failure_;
  const Options options_;
  std::minstd_rand schedule_;
  using Bells = std::vector<std::unique_ptr<Doorbell>>;
  std::shared_ptr<Bells> call_bells_;                   // by thread: rung when helpers are called
  Bells bells_;                                         // by thread: rung when something in a step has come
  std::vector<std::vector<Worker*>> unfinished_;        // by thread: workers still in the step
  std::vector<std::atomic<std::uint64_t>> taken_;       // by thread: the call for which its share was taken last
  unsigned late_shares_ = 0;                            // that the caller has taken in this step
  const StepOrder* order_ = nullptr;                    // written before calls_, read after it
  bool shares_begun_ = false;                           // as order_
  unsigned to_share_ = 0;                               // so many steps are shared from their beginning, small or not,
  unsigned shared_in_a_row_ = 0;                        // since the last one begun alone took long, as those before
  alignas(64) std::atomic<std::uint64_t> calls_{0};     // steps of the helpers; they acquire what the caller released
  alignas(64) std::atomic<std::uint64_t> arrivals_{0};  // ends of a helper's step; the caller acquires their writes
  std::atomic<bool> closing_{false};
  std::vector<std::jthread> helpers_;
};

}  // namespace lockstep
