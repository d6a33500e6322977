#include "runtime/intake.hpp"
#include "runtime/self_test.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace lockstep {

namespace {

/// Steps of so many rows are worth being heralded.
constexpr std::size_t kHeraldedRows = 8192;

/// With how many rows of a session to herald the next step, given how many it had staged for the last.
std::size_t rows_to_herald_at(std::size_t rows) {
  return rows < kHeraldedRows ? std::numeric_limits<std::size_t>::max() : rows - rows / 8;
}

}  // namespace

Intake::Intake(std::shared_ptr<const Description> flow, std::size_t stage_rows, Failure& failure)
    : flow_(std::move(flow)), stage_rows_(stage_rows), failure_(failure) {
  default_ = open(0);
}

std::shared_ptr<Session> Intake::open(std::optional<std::uint64_t> number) {
  const std::lock_guard lock(sessions_mutex_);
  const auto number_less = [](const std::shared_ptr<Session>& session, std::uint64_t wanted) {
    return session->number() < wanted;
  };
  const auto is_open = [this](auto place, std::uint64_t wanted) {
    return place != sessions_.end() && (*place)->number() == wanted && !(*place)->restored_;
  };
  auto place = sessions_.begin();
  if (number) {
    place = std::lower_bound(sessions_.begin(), sessions_.end(), *number, number_less);
    if (is_open(place, *number)) throw UsageError(fmt::format("session {} is open already", *number));
  } else {
    number = 0;
    for (; is_open(place, *number); ++place) ++*number;
  }
  if (place != sessions_.end() && (*place)->number() == *number) {
    (*place)->restored_ = false;
    return *place;
  }
  auto session = std::make_shared<Session>(this, flow_, *number, sealed_step_.load(std::memory_order_relaxed) + 1);
  session->counted_ = mode_.load(std::memory_order_relaxed) != Mode::by_hand;
  sessions_.insert(place, session);
  return session;
}

std::size_t Intake::seal(std::uint64_t step, std::vector<std::unique_ptr<SealedBase>>& sealed,
                         std::vector<InputId>& inputs) {
  std::size_t rows = 0;
  std::size_t counted = 0;
  {
    const std::lock_guard sessions_lock(sessions_mutex_);
    if (planted(Bug::table_applies_last_session_first)) std::reverse(sessions_.begin(), sessions_.end());
    for (const auto& session : sessions_) {
      const std::lock_guard lock(session->lock_);
      for (const InputId input : session->touched_) {
        session->stages_[input]->seal(*sealed[input], session->number_);
        if (std::find(inputs.begin(), inputs.end(), input) == inputs.end()) inputs.push_back(input);
      }
      session->touched_.clear();
      rows += session->staged_;
      if (session->counted_) counted += session->staged_;
      if (herald_) session->herald_at_ = rows_to_herald_at(session->staged_);
      session->staged_ = 0;
      session->next_step_ = step + 1;
    }
    if (planted(Bug::table_applies_last_session_first)) std::reverse(sessions_.begin(), sessions_.end());
    sealed_step_.store(step, std::memory_order_release);
  }
  if (counted != 0) staged_.fetch_sub(counted, std::memory_order_relaxed);
  // Who waits for room has said so under the lock of its session, before this seal took that lock, or has seen the
  // room.
  if (blocked_.load(std::memory_order_relaxed) != 0) wake();
  return rows;
}

void Intake::resume_after(std::uint64_t step) {
  const std::lock_guard sessions_lock(sessions_mutex_);
  sealed_step_.store(step, std::memory_order_release);
  for (const auto& session : sessions_) {
    const std::lock_guard lock(session->lock_);
    session->next_step_ = step + 1;
  }
}

void Intake::set_mode(Mode mode) {
  {
    const std::lock_guard sessions_lock(sessions_mutex_);
    mode_.store(mode, std::memory_order_release);
    for (const auto& session : sessions_) {
      const std::lock_guard lock(session->lock_);
      const bool counts = mode != Mode::by_hand;
      if (counts == session->counted_) continue;
      session->counted_ = counts;
      counts ? staged_.fetch_add(session->staged_, std::memory_order_relaxed)
             : staged_.fetch_sub(session->staged_, std::memory_order_relaxed);
    }
  }
  { const std::lock_guard lock(clock_mutex_); }
  clock_news_.notify_all();
  wake();
}

bool Intake::count_staged(std::size_t rows) {
  // seq_cst here and in wait_for_rows: either the clock sees these rows, or this thread sees what the clock waits for.
  const std::size_t staged = staged_.fetch_add(rows) + rows;
  const std::size_t wanted = wanted_rows_.load();
  return wanted != 0 && staged >= wanted;
}

void Intake::wake_clock() {
  { const std::lock_guard lock(clock_mutex_); }
  clock_news_.notify_one();
}

bool Intake::wait_for_rows(std::size_t rows, std::chrono::nanoseconds every) {
  std::unique_lock lock(clock_mutex_);
  const auto reached = [this](std::size_t wanted) { return staged_.load() >= wanted || mode() != Mode::clocked; };
  wanted_rows_.store(1);
  clock_news_.wait(lock, [&] { return reached(1); });
  if (rows > 1 && mode() == Mode::clocked) {
    wanted_rows_.store(rows);
    clock_news_.wait_for(lock, every, [&] { return reached(rows); });
  }
  wanted_rows_.store(0);
  return staged_.load() != 0;
}

void Intake::wake() {
  seals_.fetch_add(1, std::memory_order_release);
  seals_.notify_all();
}

void Intake::wait_for_seal(std::uint32_t seals_seen) {
  seals_.wait(seals_seen, std::memory_order_acquire);
  blocked_.fetch_sub(1, std::memory_order_relaxed);
}

void Intake::save(Encoder& out) {
  const std::lock_guard sessions_lock(sessions_mutex_);
  out.varint(sessions_.size());
  for (const auto& session : sessions_) {
    const std::lock_guard lock(session->lock_);
    out.varint(session->number_);
    out.varint(session->stages_.size());
    for (const auto& stage : session->stages_) out.varint(stage->sealed_position);
  }
}

void Intake::load(Decoder& in) {
  for (std::uint64_t sessions = in.varint(); sessions != 0; --sessions) {
    const std::uint64_t number = in.varint();
    const std::shared_ptr<Session> session = number == 0 ? default_ : open(number);
    session->restored_ = session != default_;
    const std::lock_guard lock(session->lock_);
    const std::uint64_t stages = in.varint();
    if (stages != session->stages_.size()) throw DecodeError("the saved state is of a dataflow with other inputs");
    for (const auto& stage : session->stages_) stage->position = stage->sealed_position = in.varint();
  }
}

}  // namespace lockstep
