#include "runtime/session.hpp"

#include <fmt/format.h>

#include <limits>
#include <mutex>

#include "runtime/intake.hpp"

namespace lockstep {

Session::Session(Intake* intake, std::shared_ptr<const Description> flow, std::uint64_t number, std::uint64_t next_step)
    : intake_(intake), flow_(std::move(flow)), number_(number), next_step_(next_step) {
  stages_.reserve(flow_->inputs.size());
  for (const InputInfo& input : flow_->inputs) stages_.push_back(input.make_stage());
}

std::size_t Session::capacity() const {
  return intake_ == nullptr ? std::numeric_limits<std::size_t>::max() : intake_->stage_rows_;
}

Session::Turn::Turn(Session& session, InputId input, std::size_t rows, bool wait)
    : session_(&session), input_(input), rows_(rows) {
  bool taken = true;
  session.take_room(rows, wait, taken);
  if (!taken) session_ = nullptr;
}

/// Returns with the lock held, or without it and `taken` false.
void Session::take_room(std::size_t rows, bool wait, bool& taken) {
  for (;;) {
    lock_.lock();
    if (intake_ == nullptr) return;
    std::unique_lock held(lock_, std::adopt_lock);
    intake_->failure_.rethrow_if_failed();
    const Intake::Mode mode = intake_->mode();
    if (mode == Intake::Mode::stopping) throw UsageError("the runtime is stopping and takes no more rows");
    if (staged_ + rows <= intake_->stage_rows_) {
      if (staged_ < herald_at_ && staged_ + rows >= herald_at_) [[unlikely]]
        intake_->herald_();
      held.release();
      return;
    }
    if (!wait) {
      taken = false;
      return;
    }
    if (rows > intake_->stage_rows_) {
      throw UsageError(
          fmt::format("{} rows in one piece are more than the stage holds ({})", rows, intake_->stage_rows_));
    }
    if (mode == Intake::Mode::by_hand) {
      throw UsageError(
          fmt::format("the stage of session {} is full ({} rows): step before pushing more", number_, staged_));
    }
    const std::uint32_t seen = intake_->seals_.load(std::memory_order_acquire);
    intake_->blocked_.fetch_add(1, std::memory_order_relaxed);
    held.unlock();
    intake_->wait_for_seal(seen);
  }
}

void Session::touch(InputId input) {
  for (const InputId touched : touched_) {
    if (touched == input) return;
  }
  touched_.push_back(input);
}

Ticket Session::Turn::done() {
  Session& session = *session_;
  session.staged_ += rows_;
  session.touch(input_);
  const Ticket ticket{session.next_step_};
  Intake* const intake = session.intake_;
  const bool awaited = session.counted_ && intake->count_staged(rows_);
  session.lock_.unlock();
  session_ = nullptr;
  if (awaited) intake->wake_clock();
  return ticket;
}

Ticket Session::adopt(Session& scratch) {
  if (scratch.staged_ > capacity()) {
    throw UsageError(
        fmt::format("a transaction of {} rows is larger than the stage, which holds {}", scratch.staged_, capacity()));
  }
  if (scratch.touched_.empty()) {
    const std::lock_guard lock(lock_);
    return {next_step_};
  }
  Turn turn(*this, scratch.touched_.front(), scratch.staged_);
  for (const InputId input : scratch.touched_) {
    stages_[input]->append(*scratch.stages_[input], number_);
    touch(input);
  }
  return turn.done();
}

}  // namespace lockstep
