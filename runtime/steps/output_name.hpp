#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/rows/schema.hpp"

namespace lockstep {

using OutputId = std::uint32_t;
using EdgeId = std::uint32_t;

struct Accumulated {};
/// Makes an output keep its contents, so that snapshots can show them: `output("balance", accumulated)`.
inline constexpr Accumulated accumulated{};

/// What a snapshot shows the contents of: an output, or the edge of a table.
struct ContentsName {
  enum class Kind { output, table } kind;
  std::uint32_t id;

  auto operator<=>(const ContentsName&) const = default;
};

class OutputPartsBase;

/// What is known of an output before there is a runtime.
struct OutputInfo {
  std::string name;
  EdgeId edge = 0;
  Schema schema;
  OutputPartsBase* (*make_parts)(unsigned workers) = nullptr;
};

using Outputs = std::vector<OutputInfo>;

/// The name of an output, resolved against a step (`step[output]`) or a snapshot. A keyed stream's row is
/// std::pair<Key, Value>.
template <class R>
class Output {
 public:
  using Row = R;

  Output(std::shared_ptr<const void> flow, OutputId id, std::string name)
      : flow_(std::move(flow)), id_(id), name_(std::move(name)) {}

  /// Which dataflow this is an output of: the identity of its description.
  const void* flow() const { return flow_.get(); }
  OutputId id() const { return id_; }
  const std::string& name() const { return name_; }

 private:
  std::shared_ptr<const void> flow_;
  OutputId id_;
  std::string name_;
};

/// Of a keyed stream: a snapshot finds the values of a key.
template <class K, class V>
class KeyedOutput : public Output<std::pair<K, V>> {
 public:
  using Key = K;
  using Value = V;
  using Output<std::pair<K, V>>::Output;
};

}  // namespace lockstep
