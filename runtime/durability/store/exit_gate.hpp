#pragma once

#include <memory>

namespace lockstep {

/// What threads of ours do with RocksDB must be over before the process destroys the static objects of that, and must
/// not begin then, though nobody has told these threads: a runtime may live when main() returns or somebody calls
/// exit(), and the last that a thread does may be to close a store. So exit() waits for those that are inside.
class ExitGate {
 public:
  /// From now on. REQUIRES: RocksDB has been used, so that its static objects are there.
  static void watch();

  /// Destroys inside what nobody else has; never if the process exits.
  static void let_go(std::shared_ptr<const void> last) noexcept;

  /// Goes inside. Throws CheckpointError if the process exits.
  ExitGate() { enter(); }
  ExitGate(const ExitGate&) = delete;
  ExitGate& operator=(const ExitGate&) = delete;
  ~ExitGate() { leave(); }

  /// While what is done may take long, or call exit().
  void leave();
  void enter();

 private:
  bool is_inside_ = false;
};

}  // namespace lockstep
