#pragma once

#include <chrono>
#include <cstdint>
#include <exception>

namespace lockstep {

class SegmentHead;
class Segments;

/// A table's contents as of one step, written while steps go on, without a copy of the table. It is written in the
/// order of hashes, a little at a time, between steps; and what a step is about to change that is not written yet, is
/// written at once. Which entries have changed since it began is told by their links. Of a thread at a time, like the
/// table.
class Capture {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  Capture() = default;
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  bool done() const { return table_ == nullptr; }
  /// Between steps: writes on, until it is done or it is this late. Throws what a write in a step has thrown, if one
  /// has, since steps do not fail for it.
  void advance(Deadline until);

 protected:
  /// Ends it. REQUIRES: no step runs, if it is not done.
  ~Capture();

 private:
  friend class Segments;
  /// Writes an entry of this segment, unless it is vacant.
  virtual void write(const void* entry, const SegmentHead& segment) = 0;
  /// The same in a step that waits for it.
  virtual void write_before_change(const void* entry, const SegmentHead& segment) = 0;

  Segments* table_ = nullptr;  // null: all is written
  std::uint64_t from_ = 0;     // the lowest hash that is not written
  std::uint32_t links_ = 0;    // links of entries that have changed since are not lower
  std::exception_ptr failure_;
};

}  // namespace lockstep
