#include "runtime/runtime.hpp"

#include "runtime/clock/clock.hpp"
#include "runtime/durability/save.hpp"
#include "runtime/durability/state_loader.hpp"

namespace lockstep {

// A runtime keeps a copy of the flow as it is now, whatever is added to it later.
Runtime::Runtime(const Dataflow& flow, const RuntimeOptions& options)
    : clock_(new Clock(std::make_shared<const Description>(*flow.description()), options),
             [](Clock* clock) { clock->retire(); }) {
  default_ = clock_->engine().intake().open(std::optional<std::uint64_t>(0));
}

Runtime::Runtime(const Dataflow& flow, const RuntimeOptions& options, const SavedState& saved,
                 const ProgramChanges& changes)
    : Runtime(flow, options) {
  load_state(clock_->engine(), saved, changes);
}

Runtime::Runtime(const Dataflow& flow, const RuntimeOptions& options, std::shared_ptr<Durability> durability)
    : Runtime(flow, options) {
  clock_->set_durability(std::move(durability));
}

Runtime::~Runtime() = default;

std::shared_ptr<Session> Runtime::open_session(std::optional<std::uint64_t> number) {
  return clock_->engine().intake().open(number);
}

std::shared_ptr<Session> Runtime::open_named_session(const std::string& name) {
  return clock_->engine().intake().open(name);
}

std::vector<SessionInfo> Runtime::sessions() const { return clock_->engine().intake().sessions(); }

Step Runtime::step() { return clock_->step(); }

Step Runtime::latest() const { return clock_->engine().latest(); }

std::uint64_t Runtime::wait(Ticket ticket) {
  const std::shared_ptr<RunState> state = clock_->engine().shared_state();  // the runtime may go meanwhile
  state->failure.rethrow_if_failed();
  state->wait_for(ticket.step);
  return ticket.step;
}

void Runtime::start(const StepPolicy& policy) { clock_->start(policy); }

void Runtime::stop() { clock_->stop(); }

bool Runtime::started() const { return clock_->engine().state().mode() != RunState::Mode::by_hand; }

Subscription Runtime::subscribe(std::size_t capacity) { return clock_->subscribe(capacity); }

Snapshot Runtime::snapshot() { return clock_->snapshot(); }

Snapshot Runtime::snapshot(Ticket after) {
  wait(after);
  return snapshot();
}

SavedState Runtime::save() { return PinnedEngine::of(*clock_, "save()", nullptr)->save(); }

std::shared_future<std::uint64_t> Runtime::checkpoint(CheckpointCondition condition) {
  return clock_->checkpoint(std::move(condition));
}

Metrics Runtime::metrics() const { return clock_->metrics(); }

}  // namespace lockstep
