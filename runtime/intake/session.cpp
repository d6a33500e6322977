#include "runtime/intake/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "runtime/intake/intake.hpp"
#include "runtime/steps/run_state.hpp"

namespace lockstep {

Session::Session(std::shared_ptr<Intake> intake, std::uint64_t number, std::string name)
    : made_from_(intake),
      intake_(intake.get()),
      state_(*intake->state_),
      number_(number),
      name_(std::move(name)),
      stages_(intake->inputs()),
      has_pieces_(intake->has_limit_) {
  touched_.reserve(stages_.size());
}

Session::Session(std::shared_ptr<const Intake> from, std::uint64_t number, std::size_t inputs)
    : made_from_(std::move(from)),
      intake_(nullptr),
      state_(*made_from_->state_),
      number_(number),
      stages_(inputs),
      granted_(std::numeric_limits<std::size_t>::max()),
      credit_(granted_),
      has_pieces_(false) {
  touched_.reserve(inputs);
}

Session::~Session() {
  for (const auto& stage : stages_) delete stage.load(std::memory_order_relaxed);
}

Transaction Session::begin_transaction() const {
  std::shared_ptr<Session> gathering(new Session(made_from_, number_, stages_.size()));
  gathering->self_ = gathering;
  return Transaction(gathering);
}

Session::Size Session::gathered_size() {
  const std::lock_guard lock(lock_);
  if (credit_ == 0) throw_over();
  return {staged_, granted_ - credit_};
}

void Session::EndOfGathering::close() const {
  const std::lock_guard lock(gathering.lock_);
  gathering.credit_ = 0;
}

Ticket Session::commit(const Transaction& transaction) {
  Session& gathering = *transaction.gathering_;
  const Size size = gathering.gathered_size();
  EndOfGathering{gathering}.close();
  return *adopt(gathering, size, Room::wait);
}

std::optional<Ticket> Session::try_commit(const Transaction& transaction) {
  Session& gathering = *transaction.gathering_;
  const std::optional<Ticket> ticket = adopt(gathering, gathering.gathered_size(), Room::try_once);
  if (ticket) EndOfGathering{gathering}.close();
  return ticket;
}

std::optional<std::uint64_t> Session::cursor() {
  const std::lock_guard lock(lock_);
  return cursor_ ? std::optional(cursor_->at) : std::nullopt;
}

std::uint64_t Session::mark() {
  const std::lock_guard lock(lock_);
  return cursor_ ? cursor_->mark : 0;
}

Ticket Session::move_cursor(std::uint64_t cursor, std::uint64_t mark) {
  Turn turn(*this, 1, 0, Room::wait);
  turn.move_cursor({cursor, mark}, false);
  return turn.done();
}

void Session::Turn::move_cursor(const Cursor& cursor, bool with_rows) {
  Session& session = *session_;
  if (session.intake_ == nullptr && session.credit_ == 0) throw_over();
  if (session.cursor_ && cursor.at < session.cursor_->at) {
    throw UsageError(fmt::format("the cursor of session {} moves back, from {} to {}", session.number_,
                                 session.cursor_->at, cursor.at));
  }
  session.cursor_ = session.piece_.cursor = cursor;
  if (!with_rows) moves_without_rows();
}

void Session::Turn::moves_without_rows() {
  Session& session = *session_;
  if (session.intake_ == nullptr || !session.piece_is_empty()) {
    rows_ = 0;
  } else {
    session.piece_.counts_move = true;  // so that a step comes
  }
}

Ticket Session::set_active(StageBase& stage, InputId input, bool active) {
  if (gathers()) throw UsageError("a session is idle or active, not a transaction of it");
  if (stage.event_time() == nullptr) {
    throw UsageError(fmt::format("input '{}' has no event time that a session could hold back",
                                 made_from_->flow().inputs[input].name));
  }
  Turn turn(*this, 1, 0, Room::wait);
  stage.time.prepare();
  if (!listed_) intake_->list(*this);
  active ? stage.time.activate(piece_.step) : stage.time.deactivate(piece_.step);
  touch(input);
  turn.moves_without_rows();
  return turn.done();
}

void Session::open_piece() {
  if (!listed_) return intake_->list(*this);
  const std::uint64_t step = intake_->filling();
  if (piece_.step == step) return;
  close_piece();
  piece_ = {.step = step};
}

void Session::close_piece() {
  piece_.staged = staged_;
  piece_.bytes = granted_ - credit_;
  for (const Piece& piece : closed_) {
    piece_.staged -= piece.staged;
    piece_.bytes -= piece.bytes;
  }
  closed_.push_back(piece_);
}

bool Session::piece_is_empty() const {
  std::size_t staged = staged_;
  for (const Piece& piece : closed_) staged -= piece.staged;
  return staged == 0;
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

/// Under the lock, which it lets go of if there is no memory.
void Session::Turn::open_piece() {
  std::unique_lock held(session_->lock_, std::adopt_lock);
  session_->open_piece();
  held.release();
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

Session::Size Session::piece() const {
  return {made_from_->limit_.rows, std::min(made_from_->stage_bytes_, made_from_->limit_.bytes)};
}

void Session::ask_for_step() {
  intake_->note_full_stage();
  intake_->wake_clock();
}

std::size_t Session::room(std::size_t wanted) {
  check_accepts();
  {
    const std::lock_guard lock(lock_);
    if (wanted > credit_) {
      const std::size_t got = intake_->grant(wanted - credit_, true);
      granted_ += got;
      credit_ += got;
    }
    if (credit_ != 0) return credit_;
    intake_->note_full_stage();
  }
  intake_->wake_clock();
  return 0;
}

void Session::throw_over() { throw UsageError("the transaction is over: nothing more can be pushed into it"); }

/// Under the lock, which it lets go of while it waits.
bool Session::Turn::take_room(Room room) {
  Session& session = *session_;
  const std::uint32_t stops = session.made_from_->stops();
  for (;;) {
    // First: what changes after this wakes.
    const std::uint32_t seen = session.intake_ == nullptr ? 0 : session.intake_->seals_.load(std::memory_order_acquire);
    session.state_.failure.rethrow_if_failed();
    const RunState::Mode mode = session.state_.mode();
    if (mode == RunState::Mode::gone) throw UsageError("the runtime is gone and takes no more rows");
    if (mode == RunState::Mode::stopping || session.made_from_->stops() != stops) {
      throw UsageError("the runtime is stopping and takes no more rows");
    }
    if (bytes_ <= session.credit_) return true;
    if (session.intake_ == nullptr) throw_over();
    Intake& intake = *session.intake_;
    const auto gets_room = [&] {
      const std::size_t got = intake.grant(bytes_ - session.credit_);
      session.granted_ += got;
      session.credit_ += got;
      return got != 0;
    };
    if (gets_room()) return true;
    const bool clocked = mode == RunState::Mode::clocked;
    if (clocked) intake.note_full_stage();
    if (room == Room::try_once) return false;
    if (!clocked) {
      throw UsageError(fmt::format("the stage is full ({} bytes): step before pushing more", intake.stage_bytes_));
    }
    session.state_.refuse_inside("a push into a full stage");
    // seq_cst here, of what is left, and where room comes back: that sees who waits, or this sees the room.
    intake.blocked_.fetch_add(1);
    if (gets_room()) {
      intake.blocked_.fetch_sub(1);
      return true;
    }
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
  session.credit_ -= bytes_;
  Intake* const intake = session.intake_;
  if (intake == nullptr) {
    session.lock_.unlock();
    return {};
  }
  if (!session.listed_) intake->list(session);
  const Ticket ticket{session.piece_.step};
  const bool heralds = before < session.herald_at_ && session.staged_ >= session.herald_at_;
  bool wakes = session.counted_ && intake->count_staged(rows_);
  if (session.has_pieces_ && intake->fill(ticket.step, {rows_, bytes_})) wakes = true;
  if (session.credit_ == 0 && session.counted_ && intake->is_full()) [[unlikely]] {
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
  check_accepts();
  return {state_.completed()};
}

void Session::check_accepts() const {
  state_.failure.rethrow_if_failed();
  if (state_.mode() == RunState::Mode::gone) throw UsageError("the runtime is gone and takes no more rows");
  if (state_.mode() == RunState::Mode::stopping) throw UsageError("the runtime is stopping and takes no more rows");
}

std::optional<Ticket> Session::put_all(std::span<Gathered> parts, Size size, Room room, std::optional<Cursor> cursor) {
  // Rows are settled outside of the lock, unless others are faster again and again.
  constexpr int kTries = 4;
  const auto is_settled = [](const Gathered& part) {
    return !part.rows->needs_settling() || part.rows->settled_from() == part.stage->standing();
  };
  for (int tries = 0;; ++tries) {
    {
      Turn turn(*this, size.rows, size.bytes, room);
      if (!turn.taken()) return std::nullopt;
      if (tries == kTries) {
        for (const Gathered& part : parts) part.rows->settle(part.stage->standing(), number_);
      }
      if (std::all_of(parts.begin(), parts.end(), is_settled)) {
        for (const Gathered& part : parts) {
          if (part.stage->event_time() != nullptr) part.stage->time.prepare();
        }
        if (cursor) turn.move_cursor(*cursor, true);
        for (const Gathered& part : parts) {
          part.stage->append(*part.rows, chunk_step());
          touch(part.input);
        }
        return turn.done();
      }
      for (Gathered& part : parts) part.from = part.stage->standing();
    }
    for (const Gathered& part : parts) {
      if (part.rows->needs_settling()) part.rows->settle(part.from, number_);
    }
  }
}

std::optional<Ticket> Session::adopt(Session& gathered, Size size, Room room) {
  if (gathered.made_from_ != made_from_) throw UsageError("a transaction of another runtime's session");
  if (size.bytes > intake_->stage_bytes_) {
    throw UsageError(fmt::format("a transaction of {} bytes is larger than the stage, which holds {}", size.bytes,
                                 intake_->stage_bytes_));
  }
  if (gathered.touched_.empty()) {
    return gathered.cursor_ ? move_cursor(gathered.cursor_->at, gathered.cursor_->mark) : nothing();
  }
  std::vector<Gathered> parts;
  parts.reserve(gathered.touched_.size());
  for (const InputId input : gathered.touched_) {
    parts.push_back({input, gathered.stages_[input].load(std::memory_order_relaxed), &stage(input)});
  }
  return put_all(parts, size, room, gathered.cursor_);
}

}  // namespace lockstep
