#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/description.hpp"
#include "runtime/failure.hpp"
#include "runtime/session.hpp"
#include "runtime/stage.hpp"

namespace lockstep {

/// All sessions of a runtime, and the seal that cuts what they have staged into steps. Any thread; one seal at a
/// time.
class Intake {
 public:
  Intake(std::shared_ptr<const Description> flow, std::size_t stage_rows, Failure& failure);

  /// Opens a session with this number, or the lowest that is free. Sessions of a saved runtime are free, and go on.
  std::shared_ptr<Session> open(std::optional<std::uint64_t> number);
  const std::shared_ptr<Session>& default_session() const { return default_; }

  /// Moves what all sessions have staged into `sealed`, by input, as the content of `step`; later pushes belong to the
  /// step after it. Lists the inputs that got something and returns the number of rows.
  std::size_t seal(std::uint64_t step, std::vector<std::unique_ptr<SealedBase>>& sealed, std::vector<InputId>& inputs);

  /// The last step that was sealed.
  std::uint64_t sealed_step() const { return sealed_step_.load(std::memory_order_acquire); }
  /// A saved runtime goes on where it was.
  void resume_after(std::uint64_t step);

  /// To be called when nearly as many rows are staged as the last step had, if those were many: that the next step is
  /// about to come. Before the first push.
  void set_herald(std::function<void()> herald) { herald_ = std::move(herald); }

  // Who steps: the user by hand, or a clock.

  enum class Mode { by_hand, clocked, stopping };
  Mode mode() const { return mode_.load(std::memory_order_acquire); }
  /// From now on rows are counted for wait_for_rows.
  void set_mode(Mode mode);
  /// Blocks the clock until `rows` rows are staged, or some have been for `every`, or the mode is no longer clocked.
  /// Returns whether anything is staged.
  bool wait_for_rows(std::size_t rows, std::chrono::nanoseconds every);
  /// Wakes whoever waits for room, after a seal or a failure.
  void wake();

  // Positions of all sessions, for saved state.
  void save(Encoder& out);
  void load(Decoder& in);

 private:
  friend class Session;

  /// Under the session's lock, so that no seal takes rows before they are counted, and none that were accepted before
  /// a stop are overlooked by it. Whether the clock waits for them.
  bool count_staged(std::size_t rows);
  void wake_clock();
  /// After the push was counted in blocked_, under its session's lock.
  void wait_for_seal(std::uint32_t seals_seen);

  const std::shared_ptr<const Description> flow_;
  const std::size_t stage_rows_;
  Failure& failure_;
  std::function<void()> herald_;

  std::mutex sessions_mutex_;
  std::vector<std::shared_ptr<Session>> sessions_;  // by number
  std::shared_ptr<Session> default_;

  std::atomic<std::uint64_t> sealed_step_{0};
  std::atomic<std::uint32_t> seals_{0};    // counts seals and other news; those who wait for room sleep on it
  std::atomic<std::uint32_t> blocked_{0};  // pushes that wait for room
  std::atomic<Mode> mode_{Mode::by_hand};

  std::atomic<std::size_t> staged_{0};       // rows staged since the mode is clocked
  std::atomic<std::size_t> wanted_rows_{0};  // what the clock waits for; 0: it does not
  std::mutex clock_mutex_;
  std::condition_variable clock_news_;
};

}  // namespace lockstep
