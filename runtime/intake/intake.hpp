#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/flow/description.hpp"
#include "runtime/intake/positions.hpp"
#include "runtime/intake/sealed.hpp"
#include "runtime/intake/session.hpp"
#include "runtime/intake/watermarks.hpp"
#include "runtime/steps/run_state.hpp"
#include "runtime/steps/step_data.hpp"
#include "runtime/threads/spin_lock.hpp"
#include "runtime/zset/function_ref.hpp"

namespace lockstep {

/// All sessions of a runtime, and the seal that cuts what they have staged into steps. Sessions hold it, so it may
/// outlive the runtime. Any thread; one seal at a time.
class Intake : public std::enable_shared_from_this<Intake> {
 public:
  /// `stage_bytes`: see RuntimeOptions. `step`: about how much a step takes; 0: there is no limit.
  Intake(std::shared_ptr<const Description> flow, std::size_t stage_bytes, Session::Size step,
         std::shared_ptr<RunState> state);

  const Description& flow() const { return *flow_; }
  std::size_t inputs() const { return sealed_.size(); }
  std::unique_ptr<StageBase> make_stage(InputId input) const { return sealed_[input]->make_stage(); }

  /// Opens a session with this number, or the lowest that is free. Sessions of a saved runtime are free, and go on.
  std::shared_ptr<Session> open(std::optional<std::uint64_t> number);
  /// Opens the session of a saved runtime that has this name, or gives it to the lowest number that is free and not
  /// another's.
  std::shared_ptr<Session> open(const std::string& name);
  /// Those that are open, or were saved.
  std::vector<SessionInfo> sessions();

  /// What a seal finds.
  struct Sealing {
    std::vector<InputId>& inputs;  // that got something
    std::vector<SessionCursor>& cut;
    std::vector<InputWatermark>& watermarks;
    std::size_t rows = 0;
    std::size_t counted = 0;  // of those that the clock waits for
  };
  /// Moves what all sessions have staged into sealed(), as the content of `step`, or what is up to it, where steps have
  /// a limit; later pushes belong to steps after it. Costs nothing for sessions that pushed nothing.
  void seal(std::uint64_t step, Sealing& sealing);
  /// What was sealed last, of an input.
  SealedBase& sealed(InputId input) { return *sealed_[input]; }
  /// A saved runtime goes on where it was, with these watermarks.
  void resume_after(std::uint64_t step, std::vector<InputWatermark>& watermarks);

  /// To be called when nearly as many rows are staged as the last step had, if those were many: that the next step is
  /// about to come. Before the first push.
  void set_herald(std::function<void()> herald) { herald_ = std::move(herald); }

  /// Changes who steps. From a start on rows are counted for wait_for_rows.
  void set_mode(RunState::Mode mode);
  /// Blocks the clock until `rows` rows are staged, or a stage is full, or some rows have been staged for `every`, or
  /// the mode is no longer clocked. Returns whether anything is staged.
  bool wait_for_rows(std::size_t rows, std::chrono::nanoseconds every);
  /// Wakes those who wait for room, after a seal or a failure.
  void wake();
  /// The runtime goes: pushes throw from now on, and what is staged goes with it.
  void shut_down();

  /// Of all sessions, for saved state.
  Positions positions();
  /// `inputs`: what those are now that were saved; none: their positions are dropped. Others begin at 0.
  void load(const Positions& saved, const std::vector<std::optional<InputId>>& inputs);

 private:
  friend class Session;
  using Sessions = std::map<std::uint64_t, std::unique_ptr<Session>>;
  struct Hold;

  Session& find_or_add(std::uint64_t number, const std::string& name = {});
  std::uint64_t lowest_free(bool saved) const;
  std::shared_ptr<Session> hand_out(Session& session);
  void let_go(Session& session);
  /// Under the session's lock: it ends, so that it holds no watermark back. Whether the next seal has to know.
  bool end_time_of(Session& session) noexcept;
  std::unique_ptr<Session> remove(Session& session);
  void seal_session(Session& session, std::uint64_t step, Sealing& sealing);
  void remove_ended();
  /// Under the session's lock: the next seal looks at it.
  void list(Session& session);
  void begin_filling(std::uint64_t step);
  /// During its seal: so does the seal after it.
  void list_again(Session& session);
  /// The step that what is staged now will be in. Where steps have a limit, it may be one of those after the next.
  std::uint64_t filling() const { return filling_.load(std::memory_order_relaxed); }
  /// Under a session's lock: so much was staged for this step. Whether that is full now.
  bool fill(std::uint64_t step, Session::Size size);
  /// Under a session's lock: so many bytes of the stage for it, or more, to spare it asking again; 0: it is full. The
  /// last grant may go beyond it, so that large pieces do not wait for ever beside small ones.
  std::size_t grant(std::size_t bytes, bool may_be_less = false);
  bool is_full() const { return left_.load(std::memory_order_relaxed) <= 0; }
  /// Under the session's lock, so that no seal takes rows before they are counted, and none that were accepted before
  /// a stop are overlooked by it. Whether the clock waits for them.
  bool count_staged(std::size_t rows);
  /// Under a session's lock: the clock makes a step, whatever it waits for, when it is woken.
  void note_full_stage() { full_.store(true); }
  void wake_clock();
  /// After the push was counted in blocked_, under its session's lock.
  void wait_for_seal(std::uint32_t seals_seen);
  /// How often the runtime was stopped.
  std::uint32_t stops() const { return stops_.load(std::memory_order_acquire); }

  const std::shared_ptr<const Description> flow_;
  const std::size_t stage_bytes_;
  const bool has_limit_;       // steps have
  const Session::Size limit_;  // of a step
  const std::shared_ptr<RunState> state_;
  std::vector<std::unique_ptr<SealedBase>> sealed_;  // by input
  std::function<void()> herald_;

  std::atomic<std::ptrdiff_t> left_;  // of the stage's bytes

  std::mutex sessions_mutex_;
  Sessions sessions_;  // those that are open, or have staged rows, or were loaded and may be opened again

  SpinLock listed_lock_;                   // taken under a session's lock
  Session* listed_ = nullptr;              // sessions with staged rows, linked
  std::atomic<std::uint64_t> filling_{1};  // written under the lock
  std::atomic<std::size_t> filled_{0};     // about, the rows of that step, if they have a limit
  std::atomic<std::size_t> filled_bytes_{0};
  Watermarks watermarks_;
  std::vector<Session*> in_order_;    // during a seal: those that are sealed
  std::vector<std::uint64_t> ended_;  // likewise: numbers of those that have been let go of

  std::atomic<std::uint32_t> stops_{0};
  std::atomic<std::uint32_t> seals_{0};    // counts seals and other news; those who wait for room sleep on it
  std::atomic<std::uint32_t> blocked_{0};  // pushes that wait for room

  std::atomic<std::size_t> staged_{0};       // rows staged since the mode is clocked
  std::atomic<std::size_t> wanted_rows_{0};  // what the clock waits for; 0: it does not
  std::atomic<bool> full_{false};            // a stage has been full since the last seal
  std::mutex clock_mutex_;
  std::condition_variable clock_news_;
};

}  // namespace lockstep
