#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "tests/property/case.hpp"

namespace lockstep::property {

using RowStream = Stream<Rec>;
using KeyedRows = KeyedStream<Key, Rec>;
using Numbers = KeyedStream<Key, std::int64_t>;
using AnyStream = std::variant<RowStream, KeyedRows, Numbers>;

using RowInput = Input<Rec>;
using RowTable = KeyedTable<Rec, Key, Key Rec::*>;
using AnyInput = std::variant<RowInput, RowTable>;
using AnyOutput = std::variant<Output<Rec>, KeyedOutput<Key, Rec>, KeyedOutput<Key, std::int64_t>>;

/// What an inspecting function saw in the last step.
struct Seen {
  std::mutex mutex;
  std::vector<Weighted<Rec>> rows;
};

/// A case's dataflow, built with the engine.
struct Built {
  Dataflow flow;
  std::map<int, AnyInput> inputs;
  std::map<int, AnyOutput> outputs;
  std::map<int, std::shared_ptr<Seen>> inspected;
};

Built build(const std::vector<OpSpec>& flow);

// The operators, by kind; a part in each of these.
AnyStream build_stateless(const OpSpec& op, const std::string& name, const AnyStream& a, const AnyStream& b);
AnyStream build_group(const OpSpec& op, const std::string& name, const RowStream& a);
AnyStream build_aggregate(const OpSpec& op, const std::string& name, const AnyStream& a);
AnyStream build_join(const OpSpec& op, const std::string& name, const AnyStream& a, const AnyStream& b);
AnyStream build_outer_join(const OpSpec& op, const std::string& name, const AnyStream& a, const AnyStream& b);
AnyStream build_semi_join(const OpSpec& op, const std::string& name, const AnyStream& a, const AnyStream& b);
AnyStream build_set(const OpSpec& op, const std::string& name, const AnyStream& a, const AnyStream& b);

}  // namespace lockstep::property
