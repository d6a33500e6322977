#pragma once

#include <array>
#include <span>
#include <utility>

#include "runtime/batch.hpp"
#include "runtime/edge.hpp"
#include "runtime/index.hpp"

namespace lockstep {

/// Runs over what a reader gives in blocks: hashes a block of rows and has the memory of their entries fetched, then
/// calls apply(row, hash, weight) for each. `scratch` is used for rows that are not in memory yet.
template <class Reader, class HashOf, class Prefetch, class Apply>
void for_each_in_blocks(Reader& in, Batch<typename Reader::Row>& scratch, HashOf&& hash_of, Prefetch&& prefetch,
                        Apply&& apply) {
  using R = typename Reader::Row;
  std::array<std::uint64_t, kBlock> hashes;
  const auto run = [&](std::span<const Weighted<R>> rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      hashes[i] = hash_of(rows[i].row);
      prefetch(hashes[i]);
    }
    for (std::size_t i = 0; i < rows.size(); ++i) apply(rows[i].row, hashes[i], rows[i].weight);
  };
  if constexpr (std::same_as<Reader, EdgeReader<R>>) {
    for (std::span<const Weighted<R>> rows : in.spans()) {
      for (; !rows.empty(); rows = rows.subspan(std::min(kBlock, rows.size()))) {
        run(rows.first(std::min(kBlock, rows.size())));
      }
    }
  } else {
    scratch.clear();
    in.for_each([&](auto&& row, Weight weight) {
      scratch.push_back({std::forward<decltype(row)>(row), weight});
      if (scratch.size() < kBlock) return;
      run(scratch);
      scratch.clear();
    });
    run(scratch);
  }
}

}  // namespace lockstep
