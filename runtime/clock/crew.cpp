#include "runtime/clock/crew.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace lockstep {

namespace {

/// How long a caller runs a small step alone, in ticks: for some 8 microseconds, or 50 if helpers are asleep.
/// (Measured: steps of the bank that take less than 7 alone take longer shared between two threads; to wake one takes
/// 40 to 55.)
constexpr std::uint64_t kSoon = 20'000;
constexpr std::uint64_t kSoonToSleepers = 130'000;
/// A step that is worth waking helpers for has so many times the rows of one that is worth sharing.
constexpr std::size_t kSleepersFactor = 64;
/// How many steps at most are shared from their beginning, small or not, after one that took longer than that.
constexpr unsigned kSharedInARow = 63;

}  // namespace

Crew::Crew(std::vector<std::unique_ptr<Worker>>& workers, RunState& state, const Options& options)
    : workers_(workers),
      state_(state),
      failure_(state.failure),
      options_(options),
      schedule_(static_cast<std::minstd_rand::result_type>(options.schedule_seed.value_or(1))),
      call_bells_(std::make_shared<Bells>()),
      unfinished_(options.threads),
      taken_(options.threads) {
  for (unsigned thread = 0; thread < options_.threads; ++thread) {
    call_bells_->push_back(std::make_unique<Doorbell>());
    bells_.push_back(std::make_unique<Doorbell>());
    unfinished_[thread].reserve(workers_.size());
  }
  try {
    for (unsigned thread = 1; thread < options_.threads; ++thread) {
      helpers_.emplace_back([this, thread] { help(thread); });
    }
  } catch (...) {  // no more threads
    close();
    throw;
  }
}

Crew::~Crew() { close(); }

void Crew::close() {
  closing_.store(true, std::memory_order_release);
  wake_all();
}

std::vector<Doorbell*> Crew::bells_by_worker() {
  std::vector<Doorbell*> bells;
  for (std::size_t worker = 0; worker < workers_.size(); ++worker) {
    bells.push_back(bells_[worker % options_.threads].get());
  }
  return bells;
}

void Crew::run(const StepOrder& order) {
  const StepFrame frame(state_);
  order_ = &order;
  if (options_.schedule_seed) {
    run_simulated();
  } else if (options_.threads == 1) {
    begin_share(0, 1);
    finish_share(0);
  } else if (!is_small(order.rows) || to_share_ != 0) {
    if (to_share_ != 0) --to_share_;
    shares_begun_ = false;
    call_helpers();
  } else if (begin_share(0, 1); run_alone()) {
    shared_in_a_row_ = 0;
  } else {
    to_share_ = shared_in_a_row_ = std::min(2 * shared_in_a_row_ + 1, kSharedInARow);
    share_all();
    call_helpers();
  }
}

void Crew::call_helpers() {
  const std::uint64_t call = calls_.load(std::memory_order_relaxed) + 1;
  calls_.store(call, std::memory_order_release);
  for (unsigned thread = 1; thread < options_.threads; ++thread) (*call_bells_)[thread]->ring();
  late_shares_ = 0;
  if (!shares_begun_) begin_share(0, options_.threads);
  do {
    finish_share(0);
  } while (take_late_shares());
  arrivals_.fetch_add(late_shares_, std::memory_order_relaxed);
  bells_[0]->wait_until(options_.spin,
                        [&] { return arrivals_.load(std::memory_order_acquire) == call * (options_.threads - 1); });
}

void Crew::help(unsigned thread) {
  const StepFrame frame(state_);
  if (options_.pin) pin_to_processor(thread);
  for (std::uint64_t call = 0;;) {
    (*call_bells_)[thread]->wait_until(options_.spin, [&] {
      return calls_.load(std::memory_order_acquire) != call || closing_.load(std::memory_order_acquire);
    });
    const std::uint64_t before = std::exchange(call, calls_.load(std::memory_order_acquire));
    if (call == before) return;
    if (!take_share(thread, call)) continue;
    if (!shares_begun_) begin_share(thread, options_.threads);
    finish_share(thread);
    // Release: the caller acquires the helpers' writes when all have arrived.
    const std::uint64_t arrivals = arrivals_.fetch_add(1, std::memory_order_acq_rel) + 1;
    if (arrivals == call * (options_.threads - 1)) bells_[0]->ring();
  }
}

/// Whether it is for whoever asks to run the thread's share: for the first.
bool Crew::take_share(unsigned thread, std::uint64_t call) {
  std::uint64_t before = call - 1;
  return taken_[thread].compare_exchange_strong(before, call, std::memory_order_relaxed);
}

/// The caller takes over what helpers should have begun by now. Returns whether there is more to do.
bool Crew::take_late_shares() {
  if (options_.small_step_rows == 0) return false;
  const std::uint64_t call = calls_.load(std::memory_order_relaxed);
  const unsigned before = late_shares_;
  for (unsigned thread = 1; thread < options_.threads; ++thread) {
    if (taken_[thread].load(std::memory_order_relaxed) == call || !take_share(thread, call)) continue;
    ++late_shares_;
    if (!shares_begun_) begin_share(thread, options_.threads);
    unfinished_[0].insert(unfinished_[0].end(), unfinished_[thread].begin(), unfinished_[thread].end());
  }
  return late_shares_ != before;
}

std::function<void()> Crew::rouser() const {
  return [bells = call_bells_] {
    for (std::size_t thread = 1; thread < bells->size(); ++thread) (*bells)[thread]->ring();
  };
}

void Crew::wake_all() {
  for (const auto& bell : *call_bells_) bell->ring();
  for (const auto& bell : bells_) bell->ring();
}

/// Of so many threads.
void Crew::begin_share(unsigned thread, unsigned threads) {
  unfinished_[thread].clear();
  for (std::size_t w = thread; w < workers_.size(); w += threads) {
    workers_[w]->begin(*order_);
    unfinished_[thread].push_back(workers_[w].get());
  }
}

void Crew::finish_share(unsigned thread) {
  std::vector<Worker*>& unfinished = unfinished_[thread];
  while (!unfinished.empty()) {
    const std::size_t before = unfinished.size();
    bool moved = false;
    std::erase_if(unfinished, [&](Worker* worker) {
      const Worker::Progress progress = worker->advance(false);
      moved |= progress == Worker::Progress::moved;
      return progress == Worker::Progress::done;
    });
    if (failure_.failed()) wake_all();
    if (moved || unfinished.size() < before) continue;
    if (thread == 0 && take_late_shares()) continue;
    if (thread == 0 && late_shares_ != 0) {  // nobody rings this thread's bell for the workers of others
      options_.spin ? relax() : std::this_thread::yield();
      continue;
    }
    bells_[thread]->wait_until(options_.spin, [&] {
      return failure_.failed() ||
             std::any_of(unfinished.begin(), unfinished.end(), [](Worker* worker) { return worker->ready(); });
    });
  }
}

/// All workers take turns, level by level. Returns whether they are done; if not, it took too long.
bool Crew::run_alone() {
  std::vector<Worker*>& unfinished = unfinished_[0];
  const std::uint64_t begun = ticks();
  for (std::size_t at = 0; !unfinished.empty();) {
    if (at == unfinished.size()) at = 0;
    if (unfinished[at]->advance(false) == Worker::Progress::done) {
      unfinished.erase(unfinished.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      ++at;
    }
    if (unfinished.size() < 2) continue;
    const std::uint64_t spent = ticks() - begun;
    if (spent > kSoon && (spent > kSoonToSleepers || !helpers_sleep())) return false;
  }
  return true;
}

/// Whether the caller begins a step of so many rows alone.
bool Crew::is_small(std::size_t rows) const {
  return rows < options_.small_step_rows || (rows / kSleepersFactor < options_.small_step_rows && helpers_sleep());
}

bool Crew::helpers_sleep() const {
  return std::any_of(call_bells_->begin(), call_bells_->end(), [](const auto& bell) { return bell->asleep(); });
}

/// Gives every thread those of the caller's unfinished workers that it runs when they are shared.
void Crew::share_all() {
  for (unsigned thread = 1; thread < options_.threads; ++thread) unfinished_[thread].clear();
  std::erase_if(unfinished_[0], [this](Worker* worker) {
    const unsigned thread = worker->id() % options_.threads;
    if (thread != 0) unfinished_[thread].push_back(worker);
    return thread != 0;
  });
  shares_begun_ = true;
}

void Crew::run_simulated() {
  begin_share(0, 1);
  std::vector<Worker*>& unfinished = unfinished_[0];
  while (!unfinished.empty()) {
    const std::size_t first = schedule_() % unfinished.size();
    bool moved = false;
    for (std::size_t tried = 0; tried < unfinished.size() && !moved; ++tried) {
      const std::size_t at = (first + tried) % unfinished.size();
      const Worker::Progress progress = unfinished[at]->advance(true);
      moved = progress != Worker::Progress::waiting;
      if (progress == Worker::Progress::done) unfinished.erase(unfinished.begin() + static_cast<std::ptrdiff_t>(at));
    }
    // Who has only posted a level has not moved, but may have let others go on.
    const auto ready = [](Worker* worker) { return worker->ready(); };
    if (!moved && std::none_of(unfinished.begin(), unfinished.end(), ready)) {
      failure_.record("the exchange", order_->time.step, "all workers wait for each other");
    }
  }
}

void Crew::pin_to_processor(unsigned thread) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  unsigned left = thread % static_cast<unsigned>(std::max(1, CPU_COUNT(&allowed)));
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &allowed) || left-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    return;
  }
}

}  // namespace lockstep
