#include "runtime/crew.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cassert>

namespace lockstep {

unsigned allowed_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return std::max(1U, std::thread::hardware_concurrency());
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
}

Crew::Crew(std::vector<std::unique_ptr<Worker>>& workers, Failure& failure, const Options& options)
    : workers_(workers),
      failure_(failure),
      options_(options),
      schedule_(static_cast<std::minstd_rand::result_type>(options.schedule_seed.value_or(1))),
      unfinished_(options.threads) {
  for (unsigned thread = 0; thread < options_.threads; ++thread) {
    bells_.push_back(std::make_unique<Doorbell>());
    unfinished_[thread].reserve(workers_.size());
  }
  for (unsigned thread = 1; thread < options_.threads; ++thread) {
    helpers_.emplace_back([this, thread] { help(thread); });
  }
}

Crew::~Crew() {
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
  if (options_.threads == 1) {
    order_ = &order;
    options_.schedule_seed ? run_simulated() : run_share(0);
    return;
  }
  order_ = &order;
  arrived_.store(0, std::memory_order_relaxed);
  begun_.fetch_add(1, std::memory_order_release);
  for (unsigned thread = 1; thread < options_.threads; ++thread) bells_[thread]->ring();
  run_share(0);
  bells_[0]->wait_until(options_.spin,
                        [this] { return arrived_.load(std::memory_order_acquire) == options_.threads - 1; });
}

void Crew::help(unsigned thread) {
  if (options_.pin) pin_to_processor(thread);
  for (std::uint64_t seen = 0;;) {
    bells_[thread]->wait_until(options_.spin, [&] {
      return begun_.load(std::memory_order_acquire) != seen || closing_.load(std::memory_order_acquire);
    });
    if (begun_.load(std::memory_order_acquire) == seen) return;
    ++seen;
    run_share(thread);
    // Release: the caller acquires the helpers' writes when all have arrived.
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == options_.threads - 1) bells_[0]->ring();
  }
}

void Crew::wake_all() {
  for (const auto& bell : bells_) bell->ring();
}

void Crew::run_share(unsigned thread) {
  std::vector<Worker*>& unfinished = unfinished_[thread];
  unfinished.clear();
  for (std::size_t w = thread; w < workers_.size(); w += options_.threads) {
    workers_[w]->begin(*order_);
    unfinished.push_back(workers_[w].get());
  }
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
    bells_[thread]->wait_until(options_.spin, [&] {
      return failure_.failed() ||
             std::any_of(unfinished.begin(), unfinished.end(), [](Worker* worker) { return worker->ready(); });
    });
  }
}

void Crew::run_simulated() {
  std::vector<Worker*>& unfinished = unfinished_[0];
  unfinished.clear();
  for (const auto& worker : workers_) {
    worker->begin(*order_);
    unfinished.push_back(worker.get());
  }
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
      failure_.record(StepFailed("the exchange", order_->time.step, "", "all workers wait for each other", nullptr));
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
