#pragma once

#include <chrono>
#include <cstdint>
#include <exception>

#include "runtime/state/state_writer.hpp"

namespace lockstep {

class SegmentHead;
class Segments;

/// A time between two steps of a table with marks: entries that have changed since have links that are no lower, and
/// are in segments whose versions are no lower. Links of 0: no time.
struct TableTime {
  std::uint32_t links = 0;
  std::uint32_t version = 0;
};

/// A table's contents as of one step, written while steps go on, without a copy of the table. It is written in the
/// order of hashes, a little at a time, between steps; and what a step is about to change that is not written yet, is
/// written at once. Which entries have changed since it began is told by their links.
///
/// Of some slots it may take only what has changed since the last capture that was kept, which is told by links too:
/// entries, vacant ones among them, and the keys that have been erased. Of a thread at a time, like the table.
class Capture {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  Capture() = default;
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  bool done() const { return table_ == nullptr; }
  /// Whether what is written of this hash is only what has changed.
  bool has_only_changes(std::uint64_t hash) const { return changes_[slot_of(hash)]; }
  /// About how many entries the table had that are not vacant.
  std::size_t entries() const { return entries_; }

  /// When no step runs: what changes from now on is told as what has changed since this capture. REQUIRES: it is done,
  /// was begun to be kept, and the table is there.
  void keep();
  /// Between steps: writes on, until it is done or it is this late. Throws what a write in a step has thrown, if one
  /// has, since steps do not fail for it.
  void advance(Deadline until);

 protected:
  /// Ends it. REQUIRES: no step runs, if it is not done.
  ~Capture();

 private:
  friend class Segments;
  /// Writes some of the keys that have been erased, the first `erased` of the table's. Returns whether any was left.
  virtual bool write_erased(std::size_t erased) = 0;
  /// Writes an entry of this segment, unless it is vacant.
  virtual void write(const void* entry, const SegmentHead& segment) = 0;
  /// The same in a step that waits for it.
  virtual void write_before_change(const void* entry, const SegmentHead& segment) = 0;

  Segments* table_ = nullptr;   // null: all is written
  Segments* source_ = nullptr;  // for keep()
  std::uint64_t from_ = 0;      // the lowest hash that is not written
  TableTime begun_;
  TableTime since_;  // of the capture whose changes it takes
  SlotSet changes_;
  std::uint64_t losses_ = 0;
  std::size_t erased_ = 0;
  std::size_t entries_ = 0;
  std::exception_ptr failure_;
};

}  // namespace lockstep
