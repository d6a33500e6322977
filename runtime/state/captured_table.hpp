#pragma once

#include <utility>

#include "runtime/state/capture.hpp"
#include "runtime/state/state_writer.hpp"
#include "runtime/zset/array.hpp"

namespace lockstep {

/// A capture of a table whose entries Write writes. What is large is pinned in the step that changes it, and written
/// when all is, by any thread.
template <class Table, class Write>
class CapturedTable final : public Capture {
  using Entry = typename Table::Entry;
  using Segment = typename Table::Segment;

 public:
  explicit CapturedTable(Table& table) { table.begin_capture(*this); }
  [[gnu::cold]] ~CapturedTable() {
    for (Segment* one : large_) one->destroy();
  }

  /// REQUIRES: it is done.
  [[gnu::cold]] void save(StateWriter& out) const {
    out.append(items_);
    for (const Segment* one : large_) {
      for (std::uint32_t i = 0; i < one->capacity(); ++i) {
        const Entry& entry = one->entries()[i];
        if (entry.tag != 0 && out.range().has(Table::hash_of(entry))) write_to(out, entry, *one);
      }
    }
  }

 private:
  [[gnu::cold]] void write(const void* entry, const SegmentHead& head) override {
    const auto& one = *static_cast<const Entry*>(entry);
    const auto& segment = static_cast<const Segment&>(head);
    if (is_vacant(one.payload)) return;
    if constexpr (requires { one.payload.is_large(); }) {
      if (one.payload.is_large()) {
        large_.push_back(segment.clone_entry(one));
        return;
      }
    }
    write_to(items_, one, segment);
  }
  static void write_to(StateWriter& out, const Entry& entry, const Segment& segment) {
    Encoder item = out.at(Table::hash_of(entry));
    Write()(item, entry, segment);
  }

  StateWriter items_;
  Array<Segment*> large_;  // of one entry each
};

/// Captures a table whose entries write(encoder, entry, segment) writes. REQUIRES: no step runs.
template <class Table, class Write>
[[gnu::cold]] CapturedTable<Table, Write> capture_table(Table& table, Write) {
  return CapturedTable<Table, Write>(table);
}

}  // namespace lockstep
