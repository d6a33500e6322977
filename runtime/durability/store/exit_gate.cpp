#include "runtime/durability/store/exit_gate.hpp"

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

#include "runtime/durability/store/checkpoints.hpp"

namespace lockstep {

namespace {

struct Gate {
  std::mutex mutex;
  std::condition_variable news;
  int inside = 0;
  bool is_closed = false;
  std::vector<std::shared_ptr<const void>> kept;
};

/// Never destroyed: threads may come by at any time.
Gate& gate() {
  static Gate* const one = new Gate();
  return *one;
}

void close() {
  std::unique_lock lock(gate().mutex);
  gate().is_closed = true;
  gate().news.wait(lock, [] { return gate().inside == 0; });
}

}  // namespace

void ExitGate::watch() {
  static const bool is_watched = std::atexit(close) == 0;
  (void)is_watched;  // if it is not, all is as without a gate
}

void ExitGate::let_go(std::shared_ptr<const void> last) noexcept {
  try {
    const ExitGate inside;
    last.reset();
  } catch (...) {
    const std::lock_guard lock(gate().mutex);
    gate().kept.push_back(std::move(last));
  }
}

void ExitGate::enter() {
  const std::lock_guard lock(gate().mutex);
  if (gate().is_closed) throw CheckpointError("the process exits");
  ++gate().inside;
  is_inside_ = true;
}

void ExitGate::leave() {
  if (!is_inside_) return;
  const std::lock_guard lock(gate().mutex);
  is_inside_ = false;
  if (--gate().inside == 0) gate().news.notify_all();
}

}  // namespace lockstep
