#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>

#include "runtime/state/pinned_state.hpp"
#include "runtime/state/segment_head.hpp"
#include "runtime/zset/array.hpp"

namespace lockstep {

class FairMutex;
class Segments;

/// A time between two steps of a table with marks: entries that have changed since have links that are no lower, and
/// are in segments whose versions are no lower. Links of 0: no time.
struct TableTime {
  std::uint32_t links = 0;
  std::uint32_t version = 0;
};

/// How long a capture goes on between two steps: until then, and on until somebody waits to step.
struct CaptureWindow {
  std::chrono::steady_clock::time_point least;
  const FairMutex* steps = nullptr;  // that whoever steps waits for; null: no longer

  bool is_over() const;
};

/// A table's contents as of one step, written while steps go on, without a copy of the table. It is written in the
/// order of hashes, a little at a time, between steps; and what a step is about to change that is not written yet, is
/// written at once. Which entries have changed since it began is told by their links.
///
/// Of some slots it may take only what has changed since the last capture that was kept, which is told by links too:
/// entries, vacant ones among them, and the keys that have been erased.
class Capture : public PinnedState {
 public:
  /// A range of hashes. Of a thread at a time; several threads may go on with several ranges, when no step runs.
  class Range {
   public:
    explicit Range(SlotRange slots) : from_(slots.lowest_hash()), last_(slots.highest_hash()), items_(slots) {}
    bool done() const { return done_; }

   private:
    friend class Capture;
    friend class Segments;
    std::uint64_t from_;  // the lowest hash that is not written
    std::uint64_t last_;
    bool done_ = false;
    StateWriter items_;
    Array<std::uint32_t> places_;  // of a segment
  };

  Capture() = default;
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  /// Ends it. REQUIRES: no step runs, if it is not done.
  ~Capture() override;

  Capture* as_capture() override { return this; }
  /// REQUIRES: it is done.
  void save(StateWriter& out) const override;

  Array<Range>& ranges() { return ranges_; }
  /// Whether what is written of this hash is only what has changed.
  bool has_only_changes(std::uint64_t hash) const { return changes_[slot_of(hash)]; }
  /// About how many entries the table had that are not vacant.
  std::size_t entries() const { return entries_; }

  /// When no step runs: writes on, until the window is over. Returns whether there is nothing more to do.
  bool advance(Range& range, const CaptureWindow& window);
  /// When no step runs, after that, on one thread: whether all is written. Throws what a write in a step has thrown, if
  /// one has, since steps do not fail for it.
  bool done();
  /// When no step runs: what changes from now on is told as what has changed since this capture. REQUIRES: it is done,
  /// was begun to be kept, and the table is there.
  void keep();

 protected:
  bool is_done() const { return table_ == nullptr; }
  /// Segments of entries that save() is to write: remembers one more. Any thread.
  void add_copy(SegmentHead* copy) const;
  const Array<SegmentHead*>& copies() const { return copies_; }
  /// What is written behind a key that has nothing any more.
  Encoder vacant() { return Encoder(vacant_); }

 private:
  friend class Segments;
  /// Writes an entry of this segment, unless there is nothing to tell of it: it is vacant, and was not before. Until it
  /// is done, adds a copy of what takes long to write.
  virtual void write(StateWriter& items, const void* entry, const SegmentHead& segment) const = 0;
  /// The same in a step that waits for it.
  virtual void write_before_change(StateWriter& items, const void* entry, const SegmentHead& segment) = 0;

  void write_erased(std::size_t end);
  Range& range_of(std::uint64_t hash) { return ranges_[ranges_.size() == 1 ? 0 : hash >> (64 - kRangeBits)]; }

  static constexpr unsigned kRangeBits = 3;

  Segments* table_ = nullptr;   // null: all is written
  Segments* source_ = nullptr;  // for keep()
  Array<Range> ranges_;
  TableTime begun_;
  TableTime since_;  // of the capture whose changes it takes
  SlotSet changes_;
  std::uint64_t losses_ = 0;
  std::size_t erased_ = 0;  // so many keys
  std::size_t next_erased_ = 0;
  StateWriter erased_items_;
  std::string vacant_;
  SegmentLayout layout_{};
  mutable std::mutex copies_mutex_;
  mutable Array<SegmentHead*> copies_;
  std::size_t entries_ = 0;
  std::exception_ptr failure_;
};

}  // namespace lockstep
