#pragma once

#include <fmt/format.h>

#include <lockstep.hpp>
#include <string>
#include <utility>
#include <vector>

/// Z-sets as text in row order, `(3, -6) +1, (7, 6) -2`, so that tests can state them.
template <class R>
std::string text(const lockstep::Batch<R>& sorted) {
  std::string out;
  for (const auto& [row, weight] : sorted) {
    out += fmt::format("{}{} {:+}", out.empty() ? "" : ", ", lockstep::to_string(row), weight);
  }
  return out;
}
template <class R>
std::string text(const lockstep::Delta<R>& delta) {
  return text(delta.sorted());
}
template <class R>
std::string text(const lockstep::Contents<R>& contents) {
  return text(contents.sorted());
}

/// A dataflow of one input and one output, running.
template <class R, class Build>
struct OneOutput {
  OneOutput(const lockstep::RuntimeOptions& options, const Build& build, lockstep::InputOptions input = {})
      : in(flow.input<R>("in", input)), out(build(in)), runtime(flow, options) {}

  /// The output's delta in a step of these rows.
  std::string step(std::vector<lockstep::Weighted<R>> rows) {
    runtime[in].push(std::move(rows));
    return text(runtime.step()[out]);
  }

  lockstep::Dataflow flow;
  lockstep::Input<R> in;
  std::invoke_result_t<Build, lockstep::Input<R>&> out;
  lockstep::Runtime runtime;
};

template <class R, class Build>
OneOutput<R, Build> one_output(unsigned workers, Build build, lockstep::InputOptions input = {}) {
  return OneOutput<R, Build>({.workers = workers}, build, input);
}

/// How often a text occurs in another.
inline std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}
