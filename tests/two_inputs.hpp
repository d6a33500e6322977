#pragma once

#include <lockstep_checkpoint.hpp>
#include <string>
#include <utility>

#include "tests/delta_text.hpp"
#include "tests/numbers.hpp"

// Dataflows of two inputs, a and b, which go on from a directory.

using Pair = std::pair<Number, Number>;

/// Opens a directory with the dataflow that build(flow, a, b) makes of two inputs. Pushes (1, 10) into a and (2, 20)
/// into b and says what the step gives.
template <class Build>
std::string go_on(const Folder& folder, Build&& build, const lockstep::ProgramChanges& changes = {}) {
  lockstep::Dataflow flow;
  const auto a = flow.input<Pair>("a");
  const auto b = flow.input<Pair>("b");
  const auto out = build(flow, a, b);
  lockstep::Runtime runtime(flow, {.workers = 2},
                            lockstep::checkpoints(folder.state(), {.begin_if_empty = true, .changes = changes}));
  runtime[a].push({1, 10});
  runtime[b].push({2, 20});
  const std::string shown = text(runtime.step()[out].sorted());
  runtime.checkpoint().get();
  return shown;
}

constexpr auto kSums = [](const auto& rows) {
  return rows | lockstep::group_by(&Pair::first, lockstep::sum(&Pair::second)).named("sums");
};
/// Sums of what of(a, b) gives.
template <class Of>
auto sums(Of of) {
  return [of](lockstep::Dataflow&, const auto& a, const auto& b) { return kSums(of(a, b)) | lockstep::output("sums"); };
}
