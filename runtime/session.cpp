#include "runtime/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "runtime/intake.hpp"
#include "runtime/run_state.hpp"

namespace lockstep {

Session::Session(std::shared_ptr<Intake> intake, std::uint64_t number)
    : made_from_(intake), intake_(intake.get()), number_(number), stages_(intake->inputs()) {
  touched_.reserve(stages_.size());
}

Session::Session(std::shared_ptr<const Intake> from, std::uint64_t number, std::size_t inputs)
    : made_from_(std::move(from)), intake_(nullptr), number_(number), stages_(inputs) {
  touched_.reserve(inputs);
}

Session::~Session() {
  for (const auto& stage : stages_) delete stage.load(std::memory_order_relaxed);
}

std::shared_ptr<Session> Session::gather() const {
  std::shared_ptr<Session> gathering(new Session(made_from_, number_, stages_.size()));
  gathering->self_ = gathering;
  return gathering;
}

Session::EndOfGathering::~EndOfGathering() {
  const std::lock_guard lock(gathering.lock_);
  gathering.over_ = true;
}

std::size_t Session::capacity() const {
  return intake_ == nullptr ? std::numeric_limits<std::size_t>::max() : intake_->stage_rows_;
}

StageBase& Session::checked_stage(const Description& of, InputId input) {
  if (of.identity != made_from_->flow().identity || input >= stages_.size()) {
    const std::string& name = of.inputs[input].name;
    throw UsageError(fmt::format("input '{}' does not belong to the dataflow of this runtime, or was added later", name));
  }
  return stage(input);
}

StageBase& Session::stage(InputId input) {
  // Acquire, pairs with the exchange: the stage is seen as it was made.
  StageBase* stage = stages_[input].load(std::memory_order_acquire);
  if (stage != nullptr) return *stage;
  std::unique_ptr<StageBase> made = made_from_->make_stage(input);
  if (!stages_[input].compare_exchange_strong(stage, made.get(), std::memory_order_acq_rel)) return *stage;
  return *made.release();
}

Session::Turn::Turn(Session& session, std::size_t rows, Room room) : session_(&session), rows_(rows) {
  session.lock_.lock();
  std::unique_lock held(session.lock_, std::adopt_lock);
  if (take_room(room)) {
    held.release();
    return;
  }
  session_ = nullptr;
  held.unlock();
  session.intake_->wake_clock();
}

/// Under the lock, which it lets go of while it waits.
bool Session::Turn::take_room(Room room) {
  Session& session = *session_;
  if (session.intake_ == nullptr) {
    if (session.over_) throw UsageError("the transaction is over: nothing more can be pushed into it");
    return true;
  }
  Intake& intake = *session.intake_;
  const std::uint32_t stops = intake.stops();
  for (;;) {
    intake.state_->failure.rethrow_if_failed();
    const RunState::Mode mode = intake.state_->mode();
    if (mode == RunState::Mode::gone) throw UsageError("the runtime is gone and takes no more rows");
    if (mode == RunState::Mode::stopping || intake.stops() != stops) {
      throw UsageError("the runtime is stopping and takes no more rows");
    }
    if (rows_ <= intake.stage_rows_ - session.staged_) return true;
    const bool clocked = mode == RunState::Mode::clocked;
    if (clocked) intake.note_full_stage();
    if (room == Room::try_once) return false;
    if (rows_ > intake.stage_rows_) {
      throw UsageError(
          fmt::format("{} rows in one piece are more than the stage holds ({})", rows_, intake.stage_rows_));
    }
    if (!clocked) {
      throw UsageError(fmt::format("the stage of session {} is full ({} rows): step before pushing more",
                                   session.number_, session.staged_));
    }
    intake.state_->refuse_inside("a push into a full stage");
    const std::uint32_t seen = intake.seals_.load(std::memory_order_acquire);
    intake.blocked_.fetch_add(1, std::memory_order_relaxed);
    session.lock_.unlock();
    intake.wake_clock();
    intake.wait_for_seal(seen);
    session.lock_.lock();
  }
}

void Session::touch(InputId input) {
  if (std::find(touched_.begin(), touched_.end(), input) == touched_.end()) touched_.push_back(input);
}

Ticket Session::Turn::done() {
  Session& session = *std::exchange(session_, nullptr);
  const std::size_t before = session.staged_;
  session.staged_ += rows_;
  Intake* const intake = session.intake_;
  if (intake == nullptr) {
    session.lock_.unlock();
    return {};
  }
  if (!session.listed_) intake->list(session);
  const Ticket ticket{session.next_step_};
  const bool heralds = before < session.herald_at_ && session.staged_ >= session.herald_at_;
  bool wakes = session.counted_ && intake->count_staged(rows_);
  if (session.counted_ && session.staged_ == intake->stage_rows_) [[unlikely]] {
    intake->note_full_stage();
    wakes = true;
  }
  session.lock_.unlock();
  if (heralds) [[unlikely]]
    intake->herald_();
  if (wakes) intake->wake_clock();
  return ticket;
}

Ticket Session::nothing() {
  if (intake_ == nullptr) {
    const Turn turn(*this, 0, Room::try_once);
    return {};
  }
  RunState& state = *intake_->state_;
  state.failure.rethrow_if_failed();
  if (state.mode() == RunState::Mode::gone) throw UsageError("the runtime is gone and takes no more rows");
  if (state.mode() == RunState::Mode::stopping) throw UsageError("the runtime is stopping and takes no more rows");
  return {state.completed()};
}

Ticket Session::put_all(std::span<const Gathered> parts, std::size_t rows) {
  // Rows are numbered outside of the lock, unless others are faster again and again.
  constexpr int kTries = 4;
  const auto is_numbered = [](const Gathered& part) {
    return !part.rows->needs_numbers() || part.rows->numbered_from == part.stage->position;
  };
  for (int tries = 0;; ++tries) {
    {
      Turn turn(*this, rows, Room::wait);
      if (tries == kTries) {
        for (const Gathered& part : parts) part.rows->number(part.stage->position, number_);
      }
      if (std::all_of(parts.begin(), parts.end(), is_numbered)) {
        for (const Gathered& part : parts) {
          part.stage->append(*part.rows);
          touch(part.input);
        }
        return turn.done();
      }
      for (const Gathered& part : parts) part.rows->number_from = part.stage->position;
    }
    for (const Gathered& part : parts) {
      if (part.rows->needs_numbers()) part.rows->number(part.rows->number_from, number_);
    }
  }
}

Ticket Session::adopt(Session& gathered) {
  if (gathered.staged_ > capacity()) {
    throw UsageError(fmt::format("a transaction of {} rows is larger than the stage, which holds {}", gathered.staged_,
                                 capacity()));
  }
  if (gathered.touched_.empty()) return nothing();
  std::vector<Gathered> parts;
  parts.reserve(gathered.touched_.size());
  for (const InputId input : gathered.touched_) {
    parts.push_back({input, gathered.stages_[input].load(std::memory_order_relaxed), &stage(input)});
  }
  return put_all(parts, gathered.staged_);
}

}  // namespace lockstep
