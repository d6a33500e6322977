#pragma once

#include <tuple>
#include <utility>

#include "runtime/flow/stream.hpp"

namespace lockstep {

/// Adds an operator that reads expressions where their rows are: `make(assembly, out)` gives the operator, whose eval
/// gets a reader for each. Returns its edge.
template <class OutRow, class Make, class... E>
EdgeId add_operator(OperatorInfo info, Schema schema, Properties properties, Make make, const E&... expression) {
  Description& flow = *std::get<0>(std::tie(expression...)).flow();
  const auto append = [](auto& list, auto&& more) { list.insert(list.end(), more.begin(), more.end()); };
  (append(info.inputs, expression.edges()), ...);
  (append(info.fused, expression.fused()), ...);
  OperatorInfo& added = flow.add_operator(std::move(info));
  const EdgeId out = flow.add_edge(added, std::move(schema), properties);
  added.build = [plans = std::make_tuple(expression.plan()...), id = added.id, out, make](Assembly& assembly) {
    auto readers = std::apply([&](const auto&... plan) { return std::make_tuple(plan.bind(assembly)...); }, plans);
    std::apply(
        [&](const auto&... reader) {
          auto& edge = assembly.make_edge<OutRow>(out, Assembly::level_of(reader...));
          assembly.add(assembly.info(id), make(assembly, out), edge, reader...);
        },
        readers);
  };
  return out;
}

}  // namespace lockstep
