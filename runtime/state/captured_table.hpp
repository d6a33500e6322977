#pragma once

#include <algorithm>
#include <memory>

#include "runtime/state/capture.hpp"
#include "runtime/state/hash_table.hpp"
#include "runtime/state/segment.hpp"
#include "runtime/state/state_writer.hpp"
#include "runtime/zset/array.hpp"

namespace lockstep {

/// A capture of a table. Of an entry the key is written, and what Write writes of the payload, which may be vacant
/// where only changes are wanted: it says that the key is not there any more. What is about to change in a step is only
/// kept, and written when all is captured, by any thread: entries that are no more than bytes are copied, into memory
/// as that of segments, since new memory is what takes longest (measured: bench/NOTES.md); groups of very many rows are
/// pinned.
template <class Table, class Write>
class CapturedTable final : public Capture {
  using Entry = typename Table::Entry;
  using Segment = typename Table::Segment;

 public:
  explicit CapturedTable(Table& table, const SlotSet* changes_of = nullptr) : typed_(&table) {
    Encoder out = vacant();
    const std::unique_ptr<Segment, Destroy> home(Segment::make(1));
    Write()(out, decltype(Entry::payload)(), std::as_const(*home));
    table.begin_capture(*this, changes_of);
  }
  [[gnu::cold]] ~CapturedTable() override {
    for (SegmentHead* copy : copies()) static_cast<Segment*>(copy)->destroy();
  }

 private:
  struct Destroy {
    void operator()(Segment* segment) const { segment->destroy(); }
  };
  static constexpr bool kIsBytes =
      !UsesArena<decltype(Entry::payload)> && kBitwise<decltype(Entry::payload)> && kBitwise<decltype(Entry::key)>;

  [[gnu::noinline]] static void write(StateWriter& items, const Entry& entry, const Segment& segment) {
    Encoder item = items.at(Table::hash_of(entry));
    row_traits<decltype(Entry::key)>::encode(item, entry.key);
    Write()(item, std::as_const(entry.payload), segment);
  }
  bool is_told(const Entry& entry) const {
    return !is_vacant(entry.payload) || has_only_changes(Table::hash_of(entry));
  }

  [[gnu::cold]] void write(StateWriter& items, const void* place, const SegmentHead& head) const override {
    const auto& entry = *static_cast<const Entry*>(place);
    const auto& segment = static_cast<const Segment&>(head);
    if (!is_told(entry)) return;
    if constexpr (requires { entry.payload.kept_rows(); }) {
      if (!is_done() && entry.payload.kept_rows() >= typed_->rows_to_pin()) {
        own(segment.clone_entry(entry));
        return;
      }
    }
    write(items, entry, segment);
  }
  void write_before_change(StateWriter& items, const void* place, const SegmentHead& head) override {
    const auto& entry = *static_cast<const Entry*>(place);
    if constexpr (!kIsBytes) {
      write(items, place, head);
    } else if (is_told(entry)) {
      if (changed_ == nullptr || changed_size_ == changed_->capacity()) {
        changed_ = own(Segment::make(std::max(1U, Segment::kLayout.capacity_for(segment_memory::kUsualBytes))));
        changed_size_ = 0;
      }
      std::construct_at(changed_->entries() + changed_size_++, entry);
    }
  }
  /// Takes it, and destroys it if there is no memory to remember it in.
  Segment* own(Segment* one) const {
    try {
      add_copy(one);
    } catch (...) {
      one->destroy();
      throw;
    }
    return one;
  }

  Table* const typed_;
  Segment* changed_ = nullptr;  // the last of the copies that steps have made
  std::uint32_t changed_size_ = 0;
};

/// Captures a table whose payloads write(encoder, payload, segment) writes. REQUIRES: as Segments::begin_capture().
template <class Table, class Write>
[[gnu::cold]] std::unique_ptr<Capture> capture_table(Table& table, const SlotSet* changes_of, Write) {
  return std::unique_ptr<Capture>(new CapturedTable<Table, Write>(table, changes_of));
}

}  // namespace lockstep
