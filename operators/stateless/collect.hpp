#pragma once

#include <concepts>
#include <utility>

#include "runtime/graph/edge.hpp"
#include "runtime/zset/batch.hpp"

namespace lockstep {

/// Gathers what a chain gives.
template <class R>
struct Collect {
  template <class Reader>
  void eval(Reader& in, Batch<R>& out) {
    if constexpr (std::same_as<Reader, EdgeReader<R>>) {
      for (const auto& span : in.spans()) out.append(span.data(), span.data() + span.size());
    } else {
      in.for_each([&](auto&& row, Weight weight) { out.push_back({std::forward<decltype(row)>(row), weight}); });
    }
  }
};

}  // namespace lockstep
