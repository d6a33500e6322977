#pragma once

// What the tests of the tests need inside the engine: bugs planted on purpose, each where it would sit if it were real,
// to see that the tests catch it; and counts of the places that random tests have to reach. Without the build option
// LOCKSTEP_SELF_TEST both are nothing at compile time.

#ifdef LOCKSTEP_SELF_TEST
#include <array>
#include <atomic>
#include <cstdint>
#endif

namespace lockstep {

enum class Bug {
  none,
  aggregates_ignore_weights,
  average_divides_by_changes,
  batch_goes_to_wrong_worker,
  cache_forgets_combined_rows,
  combined_pieces_stay,
  consolidation_overlooks_equal_rows,
  copy_beside_mark_is_stale,
  distinct_never_retracts,
  edge_shows_old_delta,
  erased_entry_leaves_gap,
  exchange_drops_weights,
  flat_map_drops_weights,
  group_is_gone_with_its_total,
  group_keeps_old_result,
  join_keeps_both_deltas,
  join_takes_deltas_twice,
  large_group_loses_a_row,
  last_piece_is_lost,
  level_message_is_missed,
  lane_of_last_step_is_delivered,
  maximum_is_stale_after_delete,
  minimum_is_stale_after_delete,
  node_forgets_to_run_again,
  null_values_are_counted,
  pin_is_not_copied,
  sealed_rows_are_sealed_again,
  slot_is_lost_on_load,
  slot_is_lost_on_save,
  split_loses_an_entry,
  step_is_published_early,
  sum_of_doubles_rounds,
  table_applies_last_session_first,
  table_keeps_replaced_row,
  count,  // how many there are
};

constexpr const char* kBugNames[] = {
    "none",
    "aggregates ignore weights",
    "average divides by changes",
    "batch goes to wrong worker",
    "cache forgets combined rows",
    "combined pieces stay",
    "consolidation overlooks equal rows",
    "copy beside mark is stale",
    "distinct never retracts",
    "edge shows old delta",
    "erased entry leaves gap",
    "exchange drops weights",
    "flat_map drops weights",
    "group is gone with its total",
    "group keeps old result",
    "join keeps both deltas",
    "join takes deltas twice",
    "large group loses a row",
    "last piece is lost",
    "level message is missed",
    "lane of last step is delivered",
    "maximum is stale after delete",
    "minimum is stale after delete",
    "node forgets to run again",
    "null values are counted",
    "pin is not copied",
    "sealed rows are sealed again",
    "slot is lost on load",
    "slot is lost on save",
    "split loses an entry",
    "step is published early",
    "sum of doubles rounds",
    "table applies last session first",
    "table keeps replaced row",
};
static_assert(sizeof kBugNames / sizeof *kBugNames == static_cast<unsigned>(Bug::count));

enum class Place {
  cache_hit,
  consolidated_by_hash,
  edge_rejected_row,
  group_in_block,
  group_large,
  group_small_again,
  group_total_zero_but_kept,
  join_of_deltas_by_hash,
  links_forgotten,
  page_merged,
  page_split,
  parcel_to_other_worker,
  partial_sent,
  rows_taken_in_pieces,
  segment_grew_in_place,
  segment_merged,
  segment_shifted_back,
  segment_split,
  segment_unshared,
  table_replaced_row,
  vacant_entries_purged,
  vacant_entries_swept,
  count,
};

constexpr const char* kPlaceNames[] = {
    "cache hit",
    "consolidated by hash",
    "edge rejected row",
    "group in block",
    "group large",
    "group small again",
    "group total zero but kept",
    "join of deltas by hash",
    "links forgotten",
    "page merged",
    "page split",
    "parcel to other worker",
    "partial sent",
    "rows taken in pieces",
    "segment grew in place",
    "segment merged",
    "segment shifted back",
    "segment split",
    "segment unshared",
    "table replaced row",
    "vacant entries purged",
    "vacant entries swept",
};
static_assert(sizeof kPlaceNames / sizeof *kPlaceNames == static_cast<unsigned>(Place::count));

#ifdef LOCKSTEP_SELF_TEST
inline std::atomic<Bug> active_bug{Bug::none};
inline std::array<std::atomic<std::uint64_t>, static_cast<unsigned>(Place::count)> places_reached{};

inline bool planted(Bug bug) { return active_bug.load(std::memory_order_relaxed) == bug; }
inline void reached(Place place) {
  places_reached[static_cast<unsigned>(place)].fetch_add(1, std::memory_order_relaxed);
}
#else
constexpr bool planted(Bug) { return false; }
constexpr void reached(Place) {}
#endif

}  // namespace lockstep
