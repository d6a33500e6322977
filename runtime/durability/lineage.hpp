#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/flow/description.hpp"
#include "runtime/rows/bytes.hpp"

namespace lockstep {

/// What a lineage says of inputs and operators with state: `input 'transfers'`; none: they have held nothing yet, so
/// that what reads them reads the same without them. Null: their names.
struct LineageNames {
  struct Named {
    std::string text;
    bool is_new = false;
  };
  std::function<std::optional<Named>(const InputInfo&)> input = {};
  std::function<std::optional<Named>(const OperatorInfo&)> op = {};
};

/// What rows are made of: inputs and the results of operators with state, and what is done with them on the way. It is
/// the same however operators share edges and indexes, and in whatever order Z-sets are added up.
class Lineage {
 public:
  /// A function of the user's, or an operator with a version; or, without a name, how often rows come that functions
  /// have made, or that they have come before (kAgain: the `times`-th of what came). So lists of functions are the same
  /// if all their places are.
  struct Function {
    std::string kind;
    std::string name;
    std::string version;
    /// In how many summands of the same Z-set.
    std::uint64_t times = 1;
  };
  static constexpr const char* kAgain = "again";

  static std::string input_text(const std::string& name);
  static std::string operator_text(const std::string& name);

  explicit Lineage(const Description& flow, LineageNames names = {});
  ~Lineage();

  /// Of all that an operator reads: `key_by account of input 'transfers'`. Long texts end in a hash.
  std::string reads(const OperatorInfo& info);
  std::string of(EdgeId edge);
  /// Whether there is anything in it that is new.
  bool reads_new(const OperatorInfo& info);
  bool is_of_new(EdgeId edge);
  /// An operator's own, and those that its rows come by. Of two lineages with the same texts, they correspond.
  std::vector<Function> functions(const OperatorInfo& info);
  std::vector<Function> functions(EdgeId edge);
  /// Whether two operators of the flow read the results of the very same functions, in the same way.
  bool read_the_same(const OperatorInfo& a, const OperatorInfo& b);

 private:
  struct Term;
  /// Z-sets that are added up, in the order of their texts, and how often each is.
  struct Summand {
    std::shared_ptr<const Term> term;
    std::uint64_t times = 1;
  };
  using Sum = std::vector<Summand>;
  using Text = std::string Term::*;

  static std::string text_of(const Sum& sum, Text text);
  static std::string text_of(const std::vector<Sum>& reads, Text text);
  static bool are_the_same(const std::vector<Sum>& a, const std::vector<Sum>& b);
  static void add_functions(std::vector<Function>& found, const std::vector<Sum>& reads);
  static void add_up(Sum& sum, const Sum& more);
  static Sum leaf(LineageNames::Named named);
  static bool has_new(const Sum& sum);

  Sum edge(EdgeId edge);
  std::vector<Sum> reads_of(const OperatorInfo& info);
  Sum apply(const FusedPart& part, std::vector<Sum> reads) const;
  Sum root(const OperatorInfo& info) const;

  const Description& flow_;
  const LineageNames names_;
  std::map<EdgeId, Sum> edges_;
};

/// Whether they are the same, whatever names they have.
bool are_the_same(const std::vector<Lineage::Function>& a, const std::vector<Lineage::Function>& b);

void encode(Encoder& out, const std::vector<Lineage::Function>& functions);
/// Throws DecodeError.
std::vector<Lineage::Function> decode_functions(Decoder& in);

}  // namespace lockstep
