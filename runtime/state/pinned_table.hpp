#pragma once

#include <utility>

#include "runtime/state/state_writer.hpp"

namespace lockstep {

/// A table as of one step, and how its entries are written. Any thread.
template <class Table, class Write>
class PinnedTable {
 public:
  explicit PinnedTable(Table& table) : table_(table.pin()) {}

  [[gnu::cold]] void save(StateWriter& out) const {
    table_.for_each_in(out.range(), [&](const auto& entry, const auto& segment) {
      Encoder item = out.at(Table::hash_of(entry));
      Write()(item, entry, segment);
    });
  }

 private:
  Table table_;
};

/// Pins a table whose entries write(encoder, entry, segment) writes. REQUIRES: no step runs.
template <class Table, class Write>
[[gnu::cold]] PinnedTable<Table, Write> pin_table(Table& table, Write) {
  return PinnedTable<Table, Write>(table);
}

}  // namespace lockstep
