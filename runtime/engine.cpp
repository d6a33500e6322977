#include "runtime/engine.hpp"
#include "runtime/self_test.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

namespace lockstep {

namespace {

unsigned checked_workers(unsigned workers) {
  if (workers == 0 || workers > kSlots) {
    throw UsageError(fmt::format("a runtime has 1 to {} workers, not {}", kSlots, workers));
  }
  return workers;
}

std::string ambiguous(const std::string& name) {
  return fmt::format(
      "two operators with state are called '{}', so it cannot be told whose is whose: name one of them with .named()",
      name);
}

/// What saved state must agree on with the operator that loads it.
std::string schema_of(const Description& flow, const OperatorInfo& info) {
  return info.has_output ? flow.edges[info.output].schema.to_string() : std::string();
}

}  // namespace

Engine::Engine(std::shared_ptr<const Description> flow, const RuntimeOptions& options)
    : flow_(std::move(flow)), intake_(flow_, options.stage_rows, failure_) {
  shared_.workers = checked_workers(options.workers);
  shared_.limits = options.limits;
  assemble(options);
  pool_.reset(StepPool::make(flow_->outputs, shared_.workers));
  latest_ = Step(pool_->acquire(0, flow_->identity.get(), 1));
}

void Engine::assemble(const RuntimeOptions& options) {
  const unsigned processors = allowed_processors();
  unsigned threads = options.threads == 0 ? std::min(shared_.workers, processors) : options.threads;
  threads = options.schedule_seed ? 1 : std::min(threads, shared_.workers);
  if (threads > 1 || options.schedule_seed) shared_.piece_rows = options.piece_rows;
  for (const InputInfo& input : flow_->inputs) shared_.sealed.push_back(input.make_sealed());
  if (shared_.workers > 1 && flow_->transport != nullptr) shared_.transport = flow_->transport(shared_.workers);

  std::vector<Assembly::Parts> parts;
  unsigned levels = 1;
  for (unsigned w = 0; w < shared_.workers; ++w) {
    auto pulse = std::make_unique<Pulse>();
    Assembly assembly(*flow_, shared_, *pulse, w);
    for (const OperatorInfo& info : flow_->operators) info.build(assembly);
    parts.push_back(assembly.take());
    for (const NodeSlot& slot : parts.back().nodes) levels = std::max(levels, slot.level + 1);
    workers_.push_back(std::make_unique<Worker>(w, std::move(pulse), shared_.transport.get(), failure_));
  }
  for (unsigned w = 0; w < shared_.workers; ++w) {
    workers_[w]->install(std::move(parts[w]), levels);
    for (InputId input = 0; input < flow_->inputs.size(); ++input) {
      workers_[w]->set_input(input, flow_->inputs[input].reader);
    }
  }

  const bool spin = threads <= processors;
  crew_ = std::make_unique<Crew>(workers_, failure_,
                                 Crew::Options{.threads = threads,
                                               .spin = spin,
                                               .pin = options.pin_threads,
                                               .small_step_rows = options.small_step_rows,
                                               .schedule_seed = options.schedule_seed});
  // Who does not spin would be asleep again at once.
  if (threads > 1 && spin) intake_.set_herald([this] { crew_->rouse(); });
  if (shared_.transport != nullptr) shared_.transport->open(levels, crew_->bells_by_worker());
}

Step Engine::step() {
  failure_.rethrow_if_failed();
  try {
    return run_step();
  } catch (const StepFailed&) {
  } catch (...) {  // no memory, perhaps, and who knows what was sealed
    const std::exception_ptr error = std::current_exception();
    failure_.record(StepFailed("the clock", completed() + 1, "", describe(error), error));
  }
  wake_waiters();
  intake_.wake();
  failure_.rethrow();
}

Step Engine::run_step() {
  constexpr std::uint64_t kLargeStep = 1024;
  constexpr std::uint64_t kSmallSteps = 64;
  const std::uint64_t number = completed() + 1;
  order_.inputs.clear();
  order_.rows = intake_.seal(number, shared_.sealed, order_.inputs);
  Step step(pool_->acquire(number, flow_->identity.get(), 2));
  Step latest(step.data());
  order_.time = {number, 0};
  order_.data = step.data();
  order_.time_weight = order_.rows >= kLargeStep ? 1 : (number % kSmallSteps == 0 ? kSmallSteps : 0);
  const auto before =
      order_.time_weight == 0 ? std::chrono::steady_clock::time_point() : std::chrono::steady_clock::now();
  crew_->run(order_);
  failure_.rethrow_if_failed();
  for (const InputId input : order_.inputs) {
    if (!planted(Bug::sealed_rows_are_sealed_again)) shared_.sealed[input]->clear();
  }
  if (order_.time_weight != 0) {
    const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - before;
    totals_.nanoseconds.store(static_cast<std::uint64_t>(spent.count()), std::memory_order_relaxed);
  }
  NodeCounters::add(totals_.rows_in, order_.rows);
  totals_.rows_out.store(order_.rows, std::memory_order_relaxed);
  {
    const std::lock_guard lock(latest_lock_);
    std::swap(latest_, latest);
  }
  // Release: whoever sees the step complete sees all of it.
  completed_.store(number, std::memory_order_release);
  wake_waiters();
  return step;
}

Step Engine::latest() const {
  const std::lock_guard lock(latest_lock_);
  return latest_;
}

/// seq_cst here and in wait_for(): either this thread sees that someone is about to sleep, or who is about to sleep
/// sees the news. (Why not notify whether or not: see Doorbell.)
void Engine::wake_waiters() {
  news_.fetch_add(1);
  if (waiters_.load() != 0) news_.notify_all();
}

void Engine::wait_for(std::uint64_t step) {
  waiters_.fetch_add(1);
  const auto leave = [this](void*) { waiters_.fetch_sub(1, std::memory_order_relaxed); };
  const std::unique_ptr<void, decltype(leave)> waiting(this, leave);
  for (;;) {
    const std::uint32_t seen = news_.load();
    if (completed() >= step) return;
    failure_.rethrow_if_failed();
    news_.wait(seen, std::memory_order_acquire);
  }
}

SavedState Engine::save() {
  failure_.rethrow_if_failed();
  std::string content;
  Encoder out(content);
  out.varint(completed());
  intake_.save(out);
  std::map<std::string, std::vector<std::pair<const Node*, std::string>>> stateful;  // by name, at each worker
  for (const auto& worker : workers_) {
    for (const NodeSlot& slot : worker->nodes()) {
      if (slot.node->has_state())
        stateful[slot.info->name].emplace_back(slot.node.get(), schema_of(*flow_, *slot.info));
    }
  }
  out.varint(stateful.size());
  std::string part;
  for (const auto& [name, nodes] : stateful) {
    if (nodes.size() != workers_.size()) {
      throw UsageError(ambiguous(name));
    }
    out.bytes(name);
    out.bytes(nodes.front().second);
    for (unsigned slot = 0; slot < kSlots; ++slot) {
      part.clear();
      if (planted(Bug::slot_is_lost_on_save) && slot % 16 == 5) {
        out.bytes(part);
        continue;
      }
      Encoder part_out(part);
      nodes[worker_of_slot(slot, shared_.workers)].first->save(slot, part_out);
      out.bytes(part);
    }
  }
  return SavedState::seal(content);
}

void Engine::load(const SavedState& saved) {
  try {
    Decoder in(saved.unseal());
    const std::uint64_t step = in.varint();
    completed_.store(step, std::memory_order_release);
    intake_.resume_after(step);
    latest_ = Step(pool_->acquire(step, flow_->identity.get(), 1));
    intake_.load(in);
    std::set<std::string> missing;
    for (const NodeSlot& node : workers_.front()->nodes()) {
      if (node.node->has_state()) missing.insert(node.info->name);
    }
    for (std::uint64_t operators = in.varint(); operators != 0; --operators) load_operator(in, missing);
    if (!missing.empty()) {
      throw SavedStateError(fmt::format("the saved state has no operator '{}', this dataflow has", *missing.begin()));
    }
    if (!in.at_end()) throw SavedStateError("the saved state is damaged: there are bytes after its end");
    for (const auto& worker : workers_) worker->resume();
  } catch (const DecodeError& error) {
    throw SavedStateError(fmt::format("the saved state does not fit this dataflow: {}", error.what()));
  }
}

void Engine::load_operator(Decoder& in, std::set<std::string>& missing) {
  const std::string name(in.bytes());
  const std::string schema(in.bytes());
  if (missing.erase(name) == 0) {
    throw SavedStateError(fmt::format("the saved state has an operator '{}', this dataflow has not", name));
  }
  std::vector<NodeSlot*> nodes;  // by worker
  for (const auto& worker : workers_) {
    for (NodeSlot& slot : worker->nodes()) {
      if (slot.node->has_state() && slot.info->name == name) nodes.push_back(&slot);
    }
  }
  if (nodes.size() != workers_.size()) throw SavedStateError(ambiguous(name));
  if (const std::string now = schema_of(*flow_, *nodes.front()->info); now != schema) {
    throw SavedStateError(fmt::format("operator '{}' was saved with rows of {}, and now has {}", name, schema, now));
  }
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    Decoder part(in.bytes());
    if (planted(Bug::slot_is_lost_on_load) && slot % 16 == 7) continue;
    if (!part.at_end()) nodes[worker_of_slot(slot, shared_.workers)]->node->load(part);
  }
}

Metrics Engine::metrics() const {
  Metrics metrics;
  for (const auto& worker : workers_) {
    for (const NodeSlot& slot : worker->nodes()) {
      const NodeCounters& counters = slot.node->counters;
      metrics.operators.push_back(
          {slot.info->name, worker->id(), slot.node->sends(), counters.activations.load(std::memory_order_relaxed),
           counters.rows_in.load(std::memory_order_relaxed), counters.rows_out.load(std::memory_order_relaxed),
           counters.nanoseconds.load(std::memory_order_relaxed), counters.state_bytes.load(std::memory_order_relaxed)});
    }
  }
  metrics.last_step = {completed(), totals_.rows_out.load(std::memory_order_relaxed),
                       totals_.nanoseconds.load(std::memory_order_relaxed)};
  metrics.rows = totals_.rows_in.load(std::memory_order_relaxed);
  return metrics;
}

}  // namespace lockstep
