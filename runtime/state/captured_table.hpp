#pragma once

#include <algorithm>

#include "runtime/state/capture.hpp"
#include "runtime/state/segment.hpp"
#include "runtime/state/state_writer.hpp"
#include "runtime/zset/array.hpp"

namespace lockstep {

/// A capture of a table whose entries Write writes, also vacant ones, where only changes are wanted: they say that the
/// key is not there any more. What is about to change in a step is only kept, and written when
/// all is captured, by any thread: entries that are no more than bytes are copied, into memory as that of segments,
/// since new memory is what takes longest (measured: bench/NOTES.md); groups of very many rows are pinned.
template <class Table, class Write>
class CapturedTable final : public Capture {
  using Entry = typename Table::Entry;
  using Segment = typename Table::Segment;

 public:
  explicit CapturedTable(Table& table, const SlotSet* changes_of = nullptr) : typed_(&table) {
    table.begin_capture(*this, changes_of);
    const auto ranges = static_cast<unsigned>(this->ranges().size());
    for (unsigned i = 0; i < ranges; ++i) parts_.emplace_back(slots_of(i, ranges));
  }

  /// REQUIRES: it is done.
  [[gnu::cold]] void save(StateWriter& out) const {
    for (const Part& part : parts_) {
      out.append(part.erased);
      out.append(part.items);
      part.copies.save(out);
    }
    changed_.save(out);
  }

 private:
  static constexpr bool kIsBytes =
      !UsesArena<decltype(Entry::payload)> && kBitwise<decltype(Entry::payload)> && kBitwise<decltype(Entry::key)>;

  /// Segments of entries that are yet to be written.
  class Copies {
   public:
    Copies() = default;
    Copies(Copies&&) noexcept = default;
    Copies& operator=(Copies&&) = delete;
    [[gnu::cold]] ~Copies() {
      for (Segment* one : segments_) one->destroy();
    }

    /// Takes it, and destroys it if there is no memory to remember it in.
    Segment* own(Segment* one) {
      try {
        segments_.push_back(one);
      } catch (...) {
        one->destroy();
        throw;
      }
      return one;
    }
    void add(const Entry& entry) {
      if (last_ == nullptr || size_ == last_->capacity()) {
        last_ = own(Segment::make(std::max(1U, Segment::kLayout.capacity_for(segment_memory::kUsualBytes))));
        size_ = 0;
      }
      std::construct_at(last_->entries() + size_++, entry);
    }
    [[gnu::cold]] void save(StateWriter& out) const {
      for (const Segment* one : segments_) {
        for (std::uint32_t i = 0; i < one->capacity(); ++i) {
          const Entry& entry = one->entries()[i];
          if (entry.tag == 0 || !out.range().has(Table::hash_of(entry))) continue;
          Encoder item = out.at(Table::hash_of(entry));
          Write()(item, entry, *one);
        }
      }
    }

   private:
    Array<Segment*> segments_;
    Segment* last_ = nullptr;  // for add()
    std::uint32_t size_ = 0;
  };

  /// Of a range.
  struct Part {
    explicit Part(SlotRange slots) : erased(slots), items(slots) {}

    StateWriter erased;
    StateWriter items;
    Copies copies;
    std::size_t next_erased = 0;
  };

  [[gnu::cold]] void write(unsigned range, const void* place, const SegmentHead& head) override {
    write(parts_[range].items, parts_[range].copies, *static_cast<const Entry*>(place),
          static_cast<const Segment&>(head));
  }
  void write(StateWriter& items, Copies& copies, const Entry& entry, const Segment& segment) {
    if (!is_told(entry)) return;
    if constexpr (requires { entry.payload.kept_rows(); }) {
      if (entry.payload.kept_rows() >= typed_->rows_to_pin()) {
        copies.own(segment.clone_entry(entry));
        return;
      }
    }
    Encoder item = items.at(Table::hash_of(entry));
    Write()(item, entry, segment);
  }
  void write_before_change(const void* place, const SegmentHead& head) override {
    const auto& entry = *static_cast<const Entry*>(place);
    if constexpr (kIsBytes) {
      if (is_told(entry)) changed_.add(entry);
    } else {
      Part& part = parts_[range_number(Table::hash_of(entry))];
      write(part.items, changed_, entry, static_cast<const Segment&>(head));
    }
  }

  bool is_told(const Entry& entry) const {
    return !is_vacant(entry.payload) || has_only_changes(Table::hash_of(entry));
  }
  [[gnu::cold]] bool write_erased(unsigned range, std::size_t erased) override {
    constexpr std::size_t kAtOnce = 256;
    Part& part = parts_[range];
    if (part.next_erased == erased) return false;
    Copies vacant;
    Segment* const home = vacant.own(Segment::make(1));
    Entry& entry = home->entries()[0];
    for (std::size_t i = 0; i < kAtOnce && part.next_erased < erased; ++i, ++part.next_erased) {
      const typename Table::Erased& one = typed_->erased()[part.next_erased];
      const std::uint64_t hash = Table::hash_of(one.tag);
      if (!part.erased.range().has(hash) || !has_only_changes(hash)) continue;
      std::construct_at(&entry.key, one.key);
      std::construct_at(&entry.payload);
      entry.tag = one.tag;
      Encoder item = part.erased.at(hash);
      Write()(item, entry, *home);
      home->destroy_entry(entry);
    }
    return true;
  }

  Table* const typed_;
  Array<Part> parts_;  // by range
  Copies changed_;     // by steps
};

/// Captures a table whose entries write(encoder, entry, segment) writes. REQUIRES: as Segments::begin_capture().
template <class Table, class Write>
[[gnu::cold]] CapturedTable<Table, Write> capture_table(Table& table, const SlotSet* changes_of, Write) {
  return CapturedTable<Table, Write>(table, changes_of);
}

}  // namespace lockstep
