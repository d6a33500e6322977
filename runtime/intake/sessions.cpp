#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "runtime/intake/intake.hpp"

// Which sessions there are: how they are opened, end, are saved, and loaded.

namespace lockstep {

std::shared_ptr<Session> Intake::open(std::optional<std::uint64_t> number) {
  const std::lock_guard lock(sessions_mutex_);
  if (state_->mode() == RunState::Mode::gone) throw UsageError("the runtime is gone");
  Session& session = find_or_add(number ? *number : lowest_free(true));
  if (session.open_) throw UsageError(fmt::format("session {} is open already", session.number_));
  return hand_out(session);
}

std::shared_ptr<Session> Intake::open(const std::string& name) {
  const std::lock_guard lock(sessions_mutex_);
  if (state_->mode() == RunState::Mode::gone) throw UsageError("the runtime is gone");
  if (name.empty()) throw UsageError("a session's name is empty");
  const auto is_it = [&name](const auto& one) { return one.second->name_ == name; };
  const auto found = std::find_if(sessions_.begin(), sessions_.end(), is_it);
  Session& session = found != sessions_.end() ? *found->second : find_or_add(lowest_free(false), name);
  if (session.open_) throw UsageError(fmt::format("session '{}' is open already", name));
  return hand_out(session);
}

/// Under sessions_mutex_. `saved`: one of a saved runtime will do, if it has no name.
std::uint64_t Intake::lowest_free(bool saved) const {
  std::uint64_t number = 0;
  const auto is_taken = [saved](const Session& session) { return session.open_ || !saved || !session.name_.empty(); };
  for (auto at = sessions_.begin(); at != sessions_.end() && at->first == number && is_taken(*at->second); ++at) {
    ++number;
  }
  return number;
}

std::vector<SessionInfo> Intake::sessions() {
  const std::lock_guard sessions_lock(sessions_mutex_);
  std::vector<SessionInfo> found;
  for (const auto& [number, session] : sessions_) {
    const std::lock_guard lock(session->lock_);
    if (!session->open_ && session->listed_) continue;  // it ends
    found.push_back({number, session->name_, session->cursor_, session->open_});
  }
  return found;
}

/// Under sessions_mutex_.
Session& Intake::find_or_add(std::uint64_t number, const std::string& name) {
  if (const auto found = sessions_.find(number); found != sessions_.end()) return *found->second;
  auto session = std::make_unique<Session>(shared_from_this(), number, name);
  session->counted_ = state_->mode() != RunState::Mode::by_hand;
  return *sessions_.emplace(number, std::move(session)).first->second;
}

/// The owner's hold of a session.
struct Intake::Hold {
  std::shared_ptr<Intake> intake;
  Session* session = nullptr;
  ~Hold() {
    if (session != nullptr) intake->let_go(*session);
  }
};

std::shared_ptr<Session> Intake::hand_out(Session& session) {
  const auto hold = std::make_shared<Hold>();
  hold->intake = shared_from_this();
  std::shared_ptr<Session> handle(hold, &session);
  const std::lock_guard lock(session.lock_);
  if (session.listed_) {  // let go of by its owner before, and not sealed yet
    for (const auto& stage : session.stages_) {
      if (StageBase* const made = stage.load(std::memory_order_acquire)) {
        made->position = 0;
        made->time.latest = kNoTimestamp;
      }
    }
    session.cursor_ = session.sealed_cursor_ = session.piece_.cursor = std::nullopt;
    for (Session::Piece& piece : session.closed_) piece.cursor = std::nullopt;
  }
  session.open_ = true;
  session.self_ = handle;
  hold->session = &session;
  return handle;
}

/// What the session has staged is stepped first. It is destroyed after the locks are released.
void Intake::let_go(Session& session) {
  std::unique_ptr<Session> ended;
  bool wakes = false;
  {
    const std::lock_guard sessions_lock(sessions_mutex_);
    const std::lock_guard lock(session.lock_);
    session.open_ = false;
    const bool gone = state_->mode() == RunState::Mode::gone;
    if (!gone) wakes = end_time_of(session);
    if (gone || !session.listed_) ended = remove(session);
  }
  if (wakes) wake_clock();
}

bool Intake::end_time_of(Session& session) noexcept {
  bool any = false;
  for (InputId input = 0; input < session.stages_.size(); ++input) {
    StageBase* const stage = session.stages_[input].load(std::memory_order_acquire);
    if (stage == nullptr || !stage->time.active) continue;
    if (!std::exchange(any, true) && !session.listed_) list(session);
    stage->time.deactivate(session.piece_.step);
    session.touch(input);
  }
  if (!any || !session.piece_is_empty()) return false;
  session.piece_.counts_move = true;  // so that a step comes
  ++session.staged_;
  return session.counted_ && count_staged(1);
}

/// Under both locks.
std::unique_ptr<Session> Intake::remove(Session& session) {
  left_.fetch_add(static_cast<std::ptrdiff_t>(std::exchange(session.granted_, 0)));
  if (blocked_.load() != 0) wake();
  const auto found = sessions_.find(session.number_);
  std::unique_ptr<Session> removed = std::move(found->second);
  sessions_.erase(found);
  return removed;
}

/// Destroys the sessions that had been let go of when they were sealed.
void Intake::remove_ended() {
  Sessions ended;  // destroyed after the locks are released
  const std::lock_guard sessions_lock(sessions_mutex_);
  for (const std::uint64_t number : ended_) {
    const auto found = sessions_.find(number);
    if (found == sessions_.end()) continue;
    const std::lock_guard lock(found->second->lock_);
    if (found->second->open_ || found->second->listed_) continue;  // opened again
    ended.insert(sessions_.extract(found));
  }
}

Positions Intake::positions() {
  const std::lock_guard sessions_lock(sessions_mutex_);
  Positions positions;
  for (InputId input = 0; input < flow_->inputs.size(); ++input) {
    positions.inputs.push_back({flow_->inputs[input].name, watermarks_.of(input), watermarks_.latest(input)});
  }
  for (const auto& [number, session] : sessions_) {
    const std::lock_guard lock(session->lock_);
    // One that was let go of ends with the next step; one that was loaded waits for its owner.
    if (!session->open_ && session->listed_) continue;
    Positions::OfSession& of_session = positions.sessions[number];
    of_session.name = session->name_;
    of_session.cursor = session->sealed_cursor_;
    for (const auto& slot : session->stages_) {
      const StageBase* const stage = slot.load(std::memory_order_acquire);
      of_session.inputs.push_back(stage == nullptr ? Positions::OfInput() : stage->sealed_at());
    }
  }
  return positions;
}

void Intake::load(const Positions& saved, const std::vector<std::optional<InputId>>& inputs) {
  const std::lock_guard sessions_lock(sessions_mutex_);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] && flow_->inputs[*inputs[i]].event_time != nullptr) {
      watermarks_.set(*inputs[i], saved.inputs[i].watermark, saved.inputs[i].latest);
    }
  }
  for (const auto& [number, of_session] : saved.sessions) {
    Session& session = find_or_add(number, of_session.name);
    session.cursor_ = session.sealed_cursor_ = of_session.cursor;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i]) continue;
      StageBase& stage = session.stage(*inputs[i]);
      stage.go_on_at(of_session.inputs[i]);
      if (stage.event_time() != nullptr) watermarks_.update(*inputs[i], *stage.event_time(), stage.time);
    }
  }
}

}  // namespace lockstep
