#include "runtime/intake/intake.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>

namespace lockstep {

namespace {

/// Steps of so many rows are worth being heralded.
constexpr std::size_t kHeraldedRows = 8192;

std::size_t or_none(std::size_t limit) { return limit == 0 ? std::numeric_limits<std::size_t>::max() : limit; }

/// So that sums of grants do not overflow.
constexpr std::size_t kMostBytes = std::numeric_limits<std::size_t>::max() / 4;
/// A session asks for the stage's bytes in portions of this fraction, which it may not use until the next seal.
constexpr std::size_t kPortions = 4096;

/// With how many rows of a session to herald the next step, given how many it had staged for the last.
std::size_t rows_to_herald_at(std::size_t rows) {
  return rows < kHeraldedRows ? std::numeric_limits<std::size_t>::max() : rows - rows / 8;
}

}  // namespace

Intake::Intake(std::shared_ptr<const Description> flow, std::size_t stage_bytes, Session::Size step,
               std::shared_ptr<RunState> state)
    : flow_(std::move(flow)),
      stage_bytes_(std::min(stage_bytes, kMostBytes)),
      has_limit_(step.rows != 0 || step.bytes != 0),
      limit_{or_none(step.rows), or_none(step.bytes)},
      state_(std::move(state)),
      left_(static_cast<std::ptrdiff_t>(stage_bytes_)),
      watermarks_(*flow_) {
  if (stage_bytes == 0) throw UsageError("a stage has room for one row at least: stage_bytes is 0");
  sealed_.reserve(flow_->inputs.size());
  for (const InputInfo& input : flow_->inputs) sealed_.emplace_back(input.make_sealed(input.event_time));
}

void Intake::list(Session& session) {
  const std::lock_guard lock(listed_lock_);
  session.next_listed_ = std::exchange(listed_, &session);
  session.piece_.step = filling();
  session.listed_ = true;
}

void Intake::list_again(Session& session) {
  const std::lock_guard lock(listed_lock_);
  session.next_listed_ = std::exchange(listed_, &session);
}

/// Under listed_lock_.
void Intake::begin_filling(std::uint64_t step) {
  filling_.store(step, std::memory_order_relaxed);
  if (!has_limit_) return;
  filled_.store(0, std::memory_order_relaxed);
  filled_bytes_.store(0, std::memory_order_relaxed);
}

bool Intake::fill(std::uint64_t step, Session::Size size) {
  const std::size_t rows = filled_.fetch_add(size.rows, std::memory_order_relaxed) + size.rows;
  const std::size_t bytes = filled_bytes_.fetch_add(size.bytes, std::memory_order_relaxed) + size.bytes;
  if (rows < limit_.rows && bytes < limit_.bytes) return false;
  const std::lock_guard lock(listed_lock_);
  if (filling() != step) return false;  // sealed, or found full by another push
  begin_filling(step + 1);
  return true;
}

std::size_t Intake::grant(std::size_t bytes, bool may_be_less) {
  std::ptrdiff_t left = left_.load();
  for (;;) {
    if (left <= 0) return 0;
    const auto most = static_cast<std::size_t>(left);
    const std::size_t got =
        std::max(may_be_less ? std::min(bytes, most) : bytes, std::min(most, stage_bytes_ / kPortions));
    if (left_.compare_exchange_weak(left, left - static_cast<std::ptrdiff_t>(got), std::memory_order_relaxed)) {
      return got;
    }
  }
}

void Intake::seal(std::uint64_t step, Sealing& sealing) {
  if (full_.load(std::memory_order_relaxed)) full_.store(false, std::memory_order_relaxed);
  Session* listed = nullptr;
  {
    const std::lock_guard lock(listed_lock_);
    listed = std::exchange(listed_, nullptr);
    if (filling() <= step) begin_filling(step + 1);
  }
  ended_.clear();
  ended_.reserve(1);
  if (listed != nullptr && listed->next_listed_ == nullptr) [[likely]] {
    seal_session(*listed, step, sealing);
  } else {
    in_order_.clear();
    for (; listed != nullptr; listed = listed->next_listed_) in_order_.push_back(listed);
    ended_.reserve(in_order_.size());
    std::sort(in_order_.begin(), in_order_.end(),
              [](const Session* a, const Session* b) { return a->number_ < b->number_; });
    for (Session* const session : in_order_) seal_session(*session, step, sealing);
  }
  state_->set_sealed(step);
  for (const InputId input : sealing.inputs) sealed_[input]->complete();
  watermarks_.complete(sealing.watermarks);
  if (sealing.counted != 0) staged_.fetch_sub(sealing.counted, std::memory_order_relaxed);
  if (blocked_.load() != 0) wake();
  if (!ended_.empty()) [[unlikely]]
    remove_ended();
}

void Intake::seal_session(Session& session, std::uint64_t step, Sealing& sealing) {
  const std::lock_guard lock(session.lock_);
  Session::Piece piece;  // of a step there is one
  const bool all = session.closed_.empty() && session.piece_.step <= step;
  if (all) {
    piece = std::exchange(session.piece_, {});
    piece.staged = session.staged_;
    piece.bytes = std::exchange(session.granted_, 0);
    session.credit_ = 0;
    session.listed_ = false;
  } else {
    list_again(session);
    if (session.closed_.empty() || session.closed_.front().step > step) return;
    piece = session.closed_.front();
    session.closed_.erase(session.closed_.begin());
    session.granted_ -= piece.bytes;
  }
  std::size_t kept = 0;
  for (const InputId input : session.touched_) {
    StageBase& stage = *session.stages_[input].load(std::memory_order_relaxed);
    if (stage.event_time() == nullptr) [[likely]] {
      if (stage.move_to(*sealed_[input], step) != 0) session.touched_[kept++] = input;
    } else {
      const Timestamp watermark = watermarks_.of(input);
      if (stage.move_dated_to(*sealed_[input], step, watermark, session.number_) != 0) session.touched_[kept++] = input;
      watermarks_.update(input, *stage.event_time(), stage.time);
    }
    std::vector<InputId>& inputs = sealing.inputs;
    if (std::find(inputs.begin(), inputs.end(), input) == inputs.end()) inputs.push_back(input);
  }
  session.touched_.resize(kept);
  if (piece.cursor) {
    session.sealed_cursor_ = piece.cursor;
    sealing.cut.push_back({session.number_, piece.cursor->at});
  }
  sealing.rows += piece.staged - (piece.counts_move ? 1 : 0);
  if (session.counted_) sealing.counted += piece.staged;
  if (herald_) session.herald_at_ = rows_to_herald_at(piece.staged);
  session.staged_ -= piece.staged;
  left_.fetch_add(static_cast<std::ptrdiff_t>(piece.bytes));
  if (!session.open_ && all) [[unlikely]]
    ended_.push_back(session.number_);
}

void Intake::resume_after(std::uint64_t step, std::vector<InputWatermark>& watermarks) {
  state_->set_sealed(step);
  watermarks_.complete(watermarks);
  const std::lock_guard lock(listed_lock_);
  begin_filling(step + 1);
}

void Intake::set_mode(RunState::Mode mode) {
  if (mode == RunState::Mode::stopping) stops_.fetch_add(1, std::memory_order_release);
  {
    const std::lock_guard sessions_lock(sessions_mutex_);
    state_->set_mode(mode);
    const bool counts = mode == RunState::Mode::clocked || mode == RunState::Mode::stopping;
    for (const auto& [number, session] : sessions_) {
      const std::lock_guard lock(session->lock_);
      if (counts == session->counted_) continue;
      session->counted_ = counts;
      counts ? staged_.fetch_add(session->staged_, std::memory_order_relaxed)
             : staged_.fetch_sub(session->staged_, std::memory_order_relaxed);
    }
  }
  wake_clock();
  wake();
}

void Intake::shut_down() {
  set_mode(RunState::Mode::gone);
  Sessions gone;  // destroyed after the lock is released
  const std::lock_guard sessions_lock(sessions_mutex_);
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    const auto session = at++;
    if (!session->second->open_) gone.insert(sessions_.extract(session));
  }
}

bool Intake::count_staged(std::size_t rows) {
  // seq_cst here and in wait_for_rows: either the clock sees these rows, or this thread sees what the clock waits for.
  const std::size_t staged = staged_.fetch_add(rows) + rows;
  const std::size_t wanted = wanted_rows_.load();
  return wanted != 0 && staged >= wanted;
}

void Intake::wake_clock() {
  { const std::lock_guard lock(clock_mutex_); }
  clock_news_.notify_all();
}

bool Intake::wait_for_rows(std::size_t rows, std::chrono::nanoseconds every) {
  constexpr std::chrono::hours kForEver{24 * 365};  // as good as: a deadline beyond might overflow
  std::unique_lock lock(clock_mutex_);
  const auto clocked = [this] { return state_->mode() == RunState::Mode::clocked; };
  wanted_rows_.store(1);
  clock_news_.wait(lock, [&] { return staged_.load() != 0 || !clocked(); });
  if (rows > 1 && clocked()) {
    const auto enough = [&] {
      return staged_.load() >= rows || full_.load() || filling() > state_->sealed() + 1 || !clocked();
    };
    wanted_rows_.store(rows);
    every < kForEver ? void(clock_news_.wait_for(lock, every, enough)) : clock_news_.wait(lock, enough);
  }
  wanted_rows_.store(0);
  if (!clocked()) {
    lock.unlock();
    // set_mode() holds this until it has had every session's lock: pushes that were under way have counted their rows.
    const std::lock_guard passed(sessions_mutex_);
  }
  return staged_.load() != 0;
}

void Intake::wake() {
  seals_.fetch_add(1);  // seq_cst: see FairMutex::unlock
  seals_.notify_all();
}

void Intake::wait_for_seal(std::uint32_t seals_seen) {
  seals_.wait(seals_seen, std::memory_order_acquire);
  blocked_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace lockstep
