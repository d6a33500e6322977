#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/flow/properties.hpp"
#include "runtime/graph/transport.hpp"
#include "runtime/rows/schema.hpp"
#include "runtime/steps/output_name.hpp"

namespace lockstep {

class Description;

using InputId = std::uint32_t;

/// Where an operator's state lies: each row's at the worker that owns the slot of its hash, all of it at every worker,
/// or all of it at the first.
enum class Placement : std::uint8_t { by_slot, whole, first };

/// Where rows are when a part reads them.
enum class RowsAre : std::uint8_t { anywhere, at_their_slots, at_every_worker, at_the_first };

/// The name of an operator, for what may have to say it: kept by the flow, its copies, and their runtimes.
class OperatorName {
 public:
  explicit OperatorName(const std::string& kept) : name_(&kept) {}
  operator const std::string&() const { return *name_; }

 private:
  const std::string* name_;
};

/// A further edge of an operator, beside the one that is its result.
struct SideEdge {
  std::string name;
  Schema schema;
  Properties properties;
};

/// What an operator is, as its author declares it to add_part(). Its special members are out of line, for the time that
/// programs take to compile; so are those of ReadInfo.
struct Part {
  Part(std::string kind, std::string name);
  Part(const Part&);
  Part(Part&&) noexcept;
  Part& operator=(const Part&);
  Part& operator=(Part&&) noexcept;
  ~Part();

  /// What it is: `join`, `group_by`.
  std::string kind = {};
  /// Stable: given, or derived from what it is and what it reads (derived_name).
  std::string name = {};
  /// What it does, beside its kind: `to_account, sum(amount)`. That of an operator that does something else is another
  /// one; where `gives` says it, it may change.
  std::string detail = {};
  /// Of its functions, as the user numbers them. State of another version is not loaded.
  std::string version = {};
  /// What its state is: must be the same for saved state to be loaded. Empty: it keeps none.
  std::string state = {};
  /// What the items of its state are made of: see state_form. None: that cannot be told, and the rows that it gives
  /// must be the same, too.
  std::optional<Schema> form = {};
  /// What its rows are, if that may change while its state stays: then who reads it reads something else.
  std::string gives = {};
  /// What bounds its state, for explain(): `rows of a`.
  std::string bound = {};
  /// Of its state. That of a part that gathers what it reads is `first`, whatever is said here.
  Placement placement = Placement::by_slot;
  /// The input whose rows it shows, if it is the first operator behind one.
  std::optional<InputId> source = {};
  /// Of the rows that it gives; none: that of their type.
  std::optional<Schema> schema = {};
  /// Of the stream that it gives. Whether it depends on how the input was cut into steps is inherited from what it
  /// reads.
  Properties properties = {};
  std::vector<SideEdge> sides = {};
  /// Whether all that it does is to give the rows of a plain stream keys, so that they are its values.
  bool only_keys = false;
  /// Whether the Z-set that it gives is the sum of those that it reads, so that whoever reads these reads the same.
  bool gives_what_it_reads = false;
  /// Whether what it does depends on functions of the user's, which may change with the program.
  bool runs_user_code = true;
};

/// A stateless operator that runs inside the one that reads it.
struct FusedPart {
  explicit FusedPart(const Part& part);

  std::string kind;
  std::string name;
  std::string detail;
  std::string version;
  bool only_keys;
  bool runs_user_code;
  bool gives_what_it_reads;
  /// How many streams it reads: the last ones that there are when so many edges have been read.
  std::size_t takes = 1;
  std::size_t edges_before = 0;
};

/// What a part reads, and how the rows come to the worker.
struct ReadInfo {
  explicit ReadInfo(const Description* flow);
  ReadInfo(const ReadInfo&);
  ReadInfo(ReadInfo&&) noexcept;
  ReadInfo& operator=(const ReadInfo&) = delete;
  ~ReadInfo();

  const Description* flow = nullptr;
  std::vector<EdgeId> edges = {};
  /// In the order in which a row meets them.
  std::vector<FusedPart> fused = {};
  /// By what the rows are exchanged; null: they are read where they are.
  const char* exchanged_by = nullptr;
  RowsAre rows_are = RowsAre::anywhere;
  TransportFactory transport = nullptr;

  /// The streams that there are: edges, and what parts have made of such.
  std::size_t streams = 0;

  void add_edge(EdgeId edge);
  /// A part that the rows of so many of the last streams meet after those that are here.
  void add_fused(const Part& part, std::size_t takes);
  /// The last one of these is the operator itself.
  void drop_fused();
};

}  // namespace lockstep
