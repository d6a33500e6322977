#pragma once

#include "runtime/state/capture.hpp"
#include "runtime/state/segment.hpp"
#include "runtime/state/state_writer.hpp"
#include "runtime/zset/array.hpp"

namespace lockstep {

/// A capture of a table whose entries Write writes, also vacant ones, where only changes are wanted: they say that the
/// key is not there any more. What is about to change in a step is only kept, and written when
/// all is captured, by any thread: entries that are no more than bytes are copied, into memory as that of segments,
/// since new memory is what takes longest (measured: bench/NOTES.md); large groups are pinned.
template <class Table, class Write>
class CapturedTable final : public Capture {
  using Entry = typename Table::Entry;
  using Segment = typename Table::Segment;

 public:
  explicit CapturedTable(Table& table, const SlotSet* changes_of = nullptr) : typed_(&table) {
    table.begin_capture(*this, changes_of);
  }
  [[gnu::cold]] ~CapturedTable() {
    for (Segment* one : pinned_) one->destroy();
  }

  /// REQUIRES: it is done.
  [[gnu::cold]] void save(StateWriter& out) const {
    out.append(erased_);
    out.append(items_);
    for (const Segment* one : pinned_) {
      for (std::uint32_t i = 0; i < one->capacity(); ++i) {
        const Entry& entry = one->entries()[i];
        if (entry.tag == 0 || !out.range().has(Table::hash_of(entry))) continue;
        Encoder item = out.at(Table::hash_of(entry));
        Write()(item, entry, *one);
      }
    }
  }

 private:
  static constexpr bool kIsBytes =
      !UsesArena<decltype(Entry::payload)> && kBitwise<decltype(Entry::payload)> && kBitwise<decltype(Entry::key)>;

  [[gnu::cold]] void write(const void* place, const SegmentHead& head) override {
    const auto& entry = *static_cast<const Entry*>(place);
    const auto& segment = static_cast<const Segment&>(head);
    if (!is_told(entry)) return;
    if constexpr (requires { entry.payload.is_large(); }) {
      if (entry.payload.is_large()) {
        own(segment.clone_entry(entry));
        return;
      }
    }
    Encoder item = items_.at(Table::hash_of(entry));
    Write()(item, entry, segment);
  }
  void write_before_change(const void* place, const SegmentHead& head) override {
    if constexpr (kIsBytes) {
      const auto& entry = *static_cast<const Entry*>(place);
      if (!is_told(entry)) return;
      if (changed_ == nullptr || changed_size_ == changed_->capacity()) {
        changed_ = own(Segment::make(Segment::kLayout.capacity_for(segment_memory::kUsualBytes)));
        changed_size_ = 0;
      }
      std::construct_at(changed_->entries() + changed_size_++, entry);
    } else {
      write(place, head);
    }
  }

  bool is_told(const Entry& entry) const {
    return !is_vacant(entry.payload) || has_only_changes(Table::hash_of(entry));
  }
  [[gnu::cold]] bool write_erased(std::size_t erased) override {
    constexpr std::size_t kAtOnce = 256;
    if (next_erased_ == erased) return false;
    if (vacant_ == nullptr) vacant_ = own(Segment::make(1));
    Entry& entry = vacant_->entries()[0];
    for (std::size_t i = 0; i < kAtOnce && next_erased_ < erased; ++i, ++next_erased_) {
      const typename Table::Erased& one = typed_->erased()[next_erased_];
      if (!has_only_changes(Table::hash_of(one.tag))) continue;
      std::construct_at(&entry.key, one.key);
      std::construct_at(&entry.payload);
      entry.tag = one.tag;
      Encoder item = erased_.at(Table::hash_of(one.tag));
      Write()(item, entry, *vacant_);
      vacant_->destroy_entry(entry);
    }
    return true;
  }

  /// Takes it, and destroys it if there is no memory to remember it in.
  Segment* own(Segment* one) {
    try {
      pinned_.push_back(one);
    } catch (...) {
      one->destroy();
      throw;
    }
    return one;
  }

  Table* const typed_;
  StateWriter erased_;
  StateWriter items_;
  std::size_t next_erased_ = 0;
  Segment* vacant_ = nullptr;  // for one entry, of pinned_
  Array<Segment*> pinned_;      // whose entries are to be written
  Segment* changed_ = nullptr;  // the last of those with copies
  std::uint32_t changed_size_ = 0;
};

/// Captures a table whose entries write(encoder, entry, segment) writes. REQUIRES: as Segments::begin_capture().
template <class Table, class Write>
[[gnu::cold]] CapturedTable<Table, Write> capture_table(Table& table, const SlotSet* changes_of, Write) {
  return CapturedTable<Table, Write>(table, changes_of);
}

}  // namespace lockstep
