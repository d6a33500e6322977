#include "runtime/intake/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "runtime/intake/intake.hpp"
#include "runtime/steps/run_state.hpp"

namespace lockstep {

Session::Session(std::shared_ptr<Intake> intake, std::uint64_t number)
    : made_from_(intake),
      intake_(intake.get()),
      state_(*intake->state_),
      number_(number),
      stages_(intake->inputs()),
      capacity_(intake->stage_rows_),
      has_pieces_(intake->step_rows_ != 0) {
  touched_.reserve(stages_.size());
}

Session::Session(std::shared_ptr<const Intake> from, std::uint64_t number, std::size_t inputs)
    : made_from_(std::move(from)),
      intake_(nullptr),
      state_(*made_from_->state_),
      number_(number),
      stages_(inputs),
      capacity_(std::numeric_limits<std::size_t>::max()),
      has_pieces_(false) {
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

std::size_t Session::EndOfGathering::close() const {
  const std::lock_guard lock(gathering.lock_);
  return std::exchange(gathering.staged_, gathering.capacity_);  // no room any more
}

std::optional<std::uint64_t> Session::cursor() {
  const std::lock_guard lock(lock_);
  return cursor_;
}

Ticket Session::move_cursor(std::uint64_t cursor) {
  Turn turn(*this, 1, Room::wait);
  turn.move_cursor(cursor, false);
  return turn.done();
}

void Session::Turn::move_cursor(std::uint64_t cursor, bool with_rows) {
  Session& session = *session_;
  if (session.cursor_ && cursor < *session.cursor_) {
    throw UsageError(
        fmt::format("the cursor of session {} moves back, from {} to {}", session.number_, *session.cursor_, cursor));
  }
  session.cursor_ = session.piece_.cursor = cursor;
  if (with_rows) return;
  if (session.intake_ == nullptr || session.staged_in_piece() != 0) {
    rows_ = 0;
  } else {
    session.piece_.counts_move = true;  // so that a step comes
  }
}

void Session::open_piece() {
  if (!listed_) return intake_->list(*this);
  const std::uint64_t step = intake_->filling();
  if (piece_.step == step) return;
  piece_.staged = staged_in_piece();
  closed_.push_back(piece_);
  piece_ = {.step = step};
}

std::size_t Session::staged_in_piece() const {
  std::size_t staged = staged_;
  for (const Piece& piece : closed_) staged -= piece.staged;
  return staged;
}

std::uint64_t Session::position_of(const StageBase& stage) {
  const std::lock_guard lock(lock_);
  return stage.position;
}

StageBase& Session::checked_stage(const Description& of, InputId input) {
  if (of.identity != made_from_->flow().identity || input >= stages_.size()) {
    const std::string& name = of.inputs[input].name;
    throw UsageError(
        fmt::format("input '{}' does not belong to the dataflow of this runtime, or was added later", name));
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

/// Under the lock, which it lets go of if the turn is not taken.
void Session::Turn::take_slowly(Room room) {
  Session& session = *session_;
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
  const std::uint32_t stops = session.made_from_->stops();
  for (;;) {
    session.state_.failure.rethrow_if_failed();
    const RunState::Mode mode = session.state_.mode();
    if (mode == RunState::Mode::gone) throw UsageError("the runtime is gone and takes no more rows");
    if (mode == RunState::Mode::stopping || session.made_from_->stops() != stops) {
      throw UsageError("the runtime is stopping and takes no more rows");
    }
    if (rows_ <= session.capacity_ - session.staged_) return true;
    if (session.intake_ == nullptr) throw UsageError("the transaction is over: nothing more can be pushed into it");
    Intake& intake = *session.intake_;
    const bool clocked = mode == RunState::Mode::clocked;
    if (clocked) intake.note_full_stage();
    if (room == Room::try_once) return false;
    if (rows_ > session.capacity_) {
      throw UsageError(
          fmt::format("{} rows in one piece are more than the stage holds ({})", rows_, session.capacity_));
    }
    if (!clocked) {
      throw UsageError(fmt::format("the stage of session {} is full ({} rows): step before pushing more",
                                   session.number_, session.staged_));
    }
    session.state_.refuse_inside("a push into a full stage");
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
  const Ticket ticket{session.piece_.step};
  const bool heralds = before < session.herald_at_ && session.staged_ >= session.herald_at_;
  bool wakes = session.counted_ && intake->count_staged(rows_);
  if (session.has_pieces_ && intake->fill(ticket.step, rows_)) wakes = true;
  if (session.counted_ && session.staged_ == session.capacity_) [[unlikely]] {
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
  state_.failure.rethrow_if_failed();
  if (state_.mode() == RunState::Mode::gone) throw UsageError("the runtime is gone and takes no more rows");
  if (state_.mode() == RunState::Mode::stopping) throw UsageError("the runtime is stopping and takes no more rows");
  return {state_.completed()};
}

Ticket Session::put_all(std::span<Gathered> parts, std::size_t rows, std::optional<std::uint64_t> cursor) {
  // Rows are numbered outside of the lock, unless others are faster again and again.
  constexpr int kTries = 4;
  const auto is_numbered = [](const Gathered& part) {
    return !part.rows->needs_numbers() || part.rows->numbered_from() == part.stage->position;
  };
  for (int tries = 0;; ++tries) {
    {
      Turn turn(*this, rows, Room::wait);
      if (tries == kTries) {
        for (const Gathered& part : parts) part.rows->number(part.stage->position, number_);
      }
      if (std::all_of(parts.begin(), parts.end(), is_numbered)) {
        if (cursor) turn.move_cursor(*cursor, true);
        for (const Gathered& part : parts) {
          part.stage->append(*part.rows, chunk_step());
          touch(part.input);
        }
        return turn.done();
      }
      for (Gathered& part : parts) part.number_from = part.stage->position;
    }
    for (const Gathered& part : parts) {
      if (part.rows->needs_numbers()) part.rows->number(part.number_from, number_);
    }
  }
}

Ticket Session::adopt(Session& gathered, std::size_t rows) {
  if (rows > capacity()) {
    throw UsageError(
        fmt::format("a transaction of {} rows is larger than the stage, which holds {}", rows, capacity()));
  }
  if (gathered.touched_.empty()) return gathered.cursor_ ? move_cursor(*gathered.cursor_) : nothing();
  std::vector<Gathered> parts;
  parts.reserve(gathered.touched_.size());
  for (const InputId input : gathered.touched_) {
    parts.push_back({input, gathered.stages_[input].load(std::memory_order_relaxed), &stage(input)});
  }
  return put_all(parts, rows, gathered.cursor_);
}

}  // namespace lockstep
