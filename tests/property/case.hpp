#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/property/rows.hpp"

// A random case as data: a dataflow, a history of its inputs, and how to run them. Generated from a number, made
// smaller when it fails, and printed.

namespace lockstep::property {

/// What a stream carries: plain rows; rows by key; numbers by key.
enum class Shape { rows, keyed, numbers };

enum class Kind {
  input,
  append_only_input,
  table,
  // plain rows
  filter,
  map,
  flat_map_vector,
  flat_map_array,
  flat_map_optional,
  negate,
  distinct,
  gather,
  inspect,
  delay,
  fused_chain,
  shared_chain,
  plus,
  minus,
  fused_plus_distinct,
  join_on_optional,
  fused_join,
  join_fields,
  left_join_on_optional,
  set_rows,
  // groups of plain rows
  group_count,
  group_min,
  fused_group,
  group_sums,
  group_mixed,
  group_maxima,
  group_averages,
  group_shared,
  aggregate_sums,
  aggregate_extremes,
  group_distinct,
  group_arg_min,
  // rows by key
  index_by_member,
  index_by_function,
  fused_index,
  filter_keyed,
  negate_keyed,
  distinct_keyed,
  plus_keyed,
  minus_keyed,
  map_keyed,
  revalue_keyed,
  join_values,
  join_rows,
  self_join,
  fused_join_keyed,
  join_numbers_to_rows,
  left_join_rows,
  left_join_matching,
  full_join_rows,
  full_join_matching,
  semi_join_rows,
  anti_join_rows,
  anti_join_itself,
  set_keyed,
  group_keyed_sum,
  group_keyed_extremes,
  group_keyed_arg_max,
  // numbers by key
  index_numbers,
  filter_numbers,
  negate_numbers,
  distinct_numbers,
  plus_numbers,
  minus_numbers,
  map_numbers,
  revalue_numbers,
  join_numbers,
  join_numbers_with_key,
  right_join_numbers,
  full_join_numbers,
  semi_join_numbers,
  anti_join_matching,
  group_numbers_max,
  aggregate_numbers,
  count,
};

struct KindInfo {
  const char* name;
  std::vector<Shape> in;
  Shape out;
};
const KindInfo& info(Kind kind);

enum class Shown { no, delta, contents };

/// One operator. Its inputs are the numbers of earlier ones.
struct OpSpec {
  int id = 0;
  Kind kind = Kind::input;
  std::vector<int> in;
  int choice = 0;
  Shown shown = Shown::no;
};

struct Push {
  enum class Kind { row, insert, upsert, erase, erase_if_present, clear, reject };
  int input = 0;  // the operator's id
  Kind kind = Kind::row;
  std::uint64_t session = 0;
  Rec row;
  Weight weight = 1;

  bool is_erase() const { return kind == Kind::erase || kind == Kind::erase_if_present; }
};

using StepPushes = std::vector<Push>;
using History = std::vector<StepPushes>;

/// At which sizes the parts of an index change their shape. Pages that hold but two rows never merge; small ones do.
enum class Limits { usual, minimal, small };

/// How a history is run: nothing that may change what comes out.
struct Config {
  unsigned workers = 1;
  unsigned threads = 1;
  std::size_t small_step_rows = 0;
  std::size_t piece_rows = 0;
  std::optional<std::uint64_t> schedule;
  HashKnob hash;
  Limits limits = Limits::usual;
  /// After these steps the run is saved, and goes on with so many workers.
  std::vector<std::pair<std::size_t, unsigned>> saves;
  /// Checkpoints are taken now and then, and it goes on from those.
  std::optional<std::uint64_t> checkpoints;
  /// Snapshots taken after a step, and looked at again after a later one.
  std::vector<std::pair<std::size_t, std::size_t>> pins;
  /// How sessions interleave within a step.
  std::uint64_t interleaving = 0;
  bool transactions = false;
  bool batches = false;
};

/// After a step the program is changed: until then it is what before_growth() says. It goes on from saved state,
/// on so many workers.
struct Growth {
  std::size_t after = 0;
  std::uint64_t seed = 0;
  unsigned workers = 1;
};

struct Case {
  std::vector<OpSpec> flow;
  History history;
  Config config;
  /// Runs the same history again in another way.
  std::optional<Config> other;
  /// Runs the pushes again, cut into steps of these sizes in turn.
  std::optional<std::vector<std::size_t>> cut;
  /// And runs it as a program that grows.
  std::optional<Growth> growth;
};

bool is_input(Kind kind);
/// The same pushes in order, cut into steps of these sizes in turn.
History recut(const History& history, const std::vector<std::size_t>& sizes);
/// The dataflow before it grew: without some operators and what reads them, and without some outputs.
std::vector<OpSpec> before_growth(const std::vector<OpSpec>& flow, const Growth& growth);
/// Whether the result does not depend on the cut into steps.
bool relational(const Case& one);

Case generate(std::uint64_t seed, std::uint64_t number);
std::string to_text(const Case& one);
std::string to_text(const Rec& row);

}  // namespace lockstep::property
