#include "runtime/clock/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "runtime/threads/processors.hpp"

namespace lockstep {

namespace {

/// Throws UsageError if an option cannot be.
void check(const RuntimeOptions& options) {
  const auto within = [](const char* what, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
    if (value < least || value > most) {
      throw UsageError(fmt::format("{} must be {} to {}, not {}", what, least, most, value));
    }
  };
  within("the number of workers", options.workers, 1, kSlots);
  within("limits.segment_bytes", options.limits.segment_bytes, 1, 1U << 30);
  within("limits.rows_in_segment", options.limits.rows_in_segment, 0, 1U << 16);
  within("limits.page_rows", options.limits.page_rows, 1, 1U << 16);
  within("limits.links", options.limits.links, 1, 1U << 30);
}

}  // namespace

Engine::Engine(std::shared_ptr<const Description> flow, const RuntimeOptions& options)
    : flow_(std::move(flow)),
      intake_(std::make_shared<Intake>(flow_, options.stage_bytes, Session::Size{options.step_rows, options.step_bytes},
                                       state_)) {
  check(options);
  common_.workers = options.workers;
  common_.limits = options.limits;
  if (options.max_state_bytes != 0) limit_.emplace(options.max_state_bytes);
  assemble(options);
  pool_.reset(StepPool::make(flow_->outputs, common_.workers));
  latest_ = Step(pool_->acquire(0, flow_->identity.get(), 1));
}

void Engine::assemble(const RuntimeOptions& options) {
  const unsigned processors = allowed_processors();
  unsigned threads = options.threads == 0 ? std::min(common_.workers, processors) : options.threads;
  threads = options.schedule_seed ? 1 : std::min(threads, common_.workers);
  if (threads > 1 || options.schedule_seed) common_.piece_rows = options.piece_rows;
  for (InputId input = 0; input < flow_->inputs.size(); ++input) common_.sealed.push_back(&intake_->sealed(input));
  if (common_.workers > 1 && flow_->transport != nullptr) common_.transport = flow_->transport(common_.workers);

  std::vector<Assembly::Parts> parts;
  unsigned levels = 1;
  for (unsigned w = 0; w < common_.workers; ++w) {
    auto pulse = std::make_unique<Pulse>();
    Assembly assembly(*flow_, common_, *pulse, w);
    for (const OperatorInfo& info : flow_->operators) info.maker->make(assembly);
    for (const ContentsInfo& one : flow_->contents) assembly.add_contents(one);
    parts.push_back(assembly.take());
    for (const PlacedNode& placed : parts.back().nodes) {
      levels = std::max(levels, placed.level + 1);
    }
    workers_.push_back(std::make_unique<Worker>(w, std::move(pulse), common_.transport.get(), state_->failure,
                                                limit_ ? &*limit_ : nullptr));
  }
  for (unsigned w = 0; w < common_.workers; ++w) {
    workers_[w]->install(std::move(parts[w]), levels, flow_->inputs);
    for (InputId input = 0; input < flow_->inputs.size(); ++input) {
      workers_[w]->set_input(input, flow_->inputs[input].reader);
    }
  }

  threads_ = threads;
  const bool spin = threads <= processors;
  crew_ = std::make_unique<Crew>(workers_, *state_,
                                 Crew::Options{.threads = threads,
                                               .spin = spin,
                                               .pin = options.pin_threads,
                                               .small_step_rows = options.small_step_rows,
                                               .schedule_seed = options.schedule_seed});
  // Who does not spin would be asleep again at once.
  if (threads > 1 && spin) intake_->set_herald(crew_->rouser());
  if (common_.transport != nullptr) common_.transport->open(levels, crew_->bells_by_worker());
}

Step Engine::step() {
  if (state_->failure.failed()) throw StepFailed(state_->failure.error());
  try {
    return run_step();
  } catch (...) {  // no memory, perhaps, and who knows what was sealed; or what is recorded already
    fail("the clock");
    throw StepFailed(state_->failure.error());
  }
}

void Engine::fail(const char* place) noexcept {
  state_->failure.record_current(place, state_->completed() + 1);
  state_->wake();
  intake_->wake();
}

Step Engine::run_step() {
  constexpr std::uint64_t kLargeStep = 1024;
  constexpr std::uint64_t kSmallSteps = 64;
  constexpr std::uint64_t kIdleSteps = 256;
  const std::uint64_t number = state_->completed() + 1;
  const bool timed = steps_are_timed_.load(std::memory_order_relaxed);
  const std::uint64_t begun = timed ? ticks() : 0;
  Step step(pool_->acquire(number, flow_->identity.get(), 2));
  Step latest(step.data());
  order_.inputs.clear();
  Intake::Sealing sealing{order_.inputs, step.data()->cut, step.data()->watermarks};
  intake_->seal(number, sealing);
  order_.rows = sealing.rows;
  order_.time = {number, 0};
  order_.data = step.data();
  order_.time_weight = order_.rows >= kLargeStep ? 1 : (number % kSmallSteps == 0 ? kSmallSteps : 0);
  filling_ ? run_passes() : crew_->run(order_);
  if (state_->failure.failed()) throw StepFailed(state_->failure.error());
  std::uint64_t bytes = bytes_.load(std::memory_order_relaxed);
  for (const InputId input : order_.inputs) {
    bytes += common_.sealed[input]->size() * common_.sealed[input]->row_bytes;
    common_.sealed[input]->clear();
  }
  bytes_.store(bytes, std::memory_order_relaxed);
  rows_.store(rows_.load(std::memory_order_relaxed) + order_.rows, std::memory_order_relaxed);
  if (number % kIdleSteps == 0) give_back_idle();
  step.data()->rows = order_.rows;
  step.data()->ticks = timed ? ticks() - begun : 0;
  {
    const std::lock_guard lock(latest_lock_);
    std::swap(latest_, latest);
  }
  state_->complete(number);
  return step;
}

void Engine::give_back_idle() {
  for (const auto& worker : workers_) worker->give_back_idle();
  if (common_.transport != nullptr) common_.transport->give_back_idle();
}

void Engine::run_passes() {
  order_.filling = &*filling_;
  const auto run = [this](Filling::Pass pass, std::size_t rows) {
    order_.pass = pass;
    order_.rows = rows;
    crew_->run(order_);
    return !state_->failure.failed();
  };
  constexpr std::size_t kMany = std::numeric_limits<std::size_t>::max();  // as indexes have
  const std::size_t rows = order_.rows;
  if (!filling_->sources_before.empty() && !run(Filling::Pass::before, kMany)) return;
  for (const auto& worker : workers_) worker->begin_filling(*filling_);
  if (!run(Filling::Pass::first, rows) || !run(Filling::Pass::second, kMany)) return;
  for (const auto& worker : workers_) worker->end_filling(*filling_);
  order_.rows = rows;
  order_.pass = Filling::Pass::first;
  order_.filling = nullptr;
  filling_.reset();
}

void Engine::fill(Filling filling) { filling_ = std::move(filling); }

void Engine::count_state() {
  if (!limit_) return;
  std::uint64_t sum = 0;
  for (const auto& worker : workers_) {
    for (const PlacedNode& placed : worker->nodes()) {
      sum += placed.node->counters.state_bytes.load(std::memory_order_relaxed);
    }
  }
  limit_->set(sum);
}

Step Engine::latest() const {
  const std::lock_guard lock(latest_lock_);
  return latest_;
}

void Engine::resume_after(std::uint64_t step) {
  state_->complete(step);
  latest_ = Step(pool_->acquire(step, flow_->identity.get(), 1));
  intake_->resume_after(step, latest_.data()->watermarks);
}

Metrics Engine::metrics() const {
  steps_are_timed_.store(true, std::memory_order_relaxed);
  Metrics metrics;
  for (const auto& worker : workers_) {
    for (const PlacedNode& placed : worker->nodes()) {
      const NodeCounters& counters = placed.node->counters;
      metrics.operators.push_back(
          {placed.info->name, placed.info->kind, placed.info->id, worker->id(), placed.node->sends(),
           counters.activations.load(std::memory_order_relaxed), counters.rows_in.load(std::memory_order_relaxed),
           counters.rows_out.load(std::memory_order_relaxed), counters.nanoseconds.load(std::memory_order_relaxed),
           counters.state_bytes.load(std::memory_order_relaxed)});
    }
  }
  // How long a tick of the time stamp counter takes, as it was since the beginning.
  const std::chrono::nanoseconds since = std::chrono::steady_clock::now() - begun_;
  const auto ticked = static_cast<double>(std::max<std::uint64_t>(1, ticks() - ticks_begun_));
  const Step last = latest();
  const double nanoseconds = static_cast<double>(last.data()->ticks) * static_cast<double>(since.count()) / ticked;
  metrics.last_step = {last.number(), last.data()->rows, static_cast<std::uint64_t>(nanoseconds)};
  metrics.rows = rows_.load(std::memory_order_relaxed);
  return metrics;
}

}  // namespace lockstep
