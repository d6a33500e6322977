#pragma once

#include <optional>
#include <string>

#include "tests/property/build.hpp"
#include "tests/property/case.hpp"
#include "tests/property/oracle.hpp"

namespace lockstep::property {

/// What is wrong with a case, if anything: builds its dataflow and runs it in all the ways it says.
std::optional<std::string> failure_of(Case one);

/// Runs a history once and compares everything that is shown with what is expected.
std::optional<std::string> run(const std::vector<OpSpec>& flow, const Built& built, const History& history,
                               const std::vector<ExpectedStep>& expected, const Config& config);

// Comparisons: what is wrong, if anything.
std::optional<std::string> compare_delta(Shape shape, const Step& step, const AnyOutput& output, const Facts& expected);
std::optional<std::string> compare_contents(Shape shape, const Snapshot& snapshot, const AnyOutput& output,
                                            const Facts& expected);
std::optional<std::string> compare_rows(const std::vector<Weighted<Rec>>& seen, const Facts& expected);
std::optional<std::string> compare_ledger(const Step& step, const AnyInput& input,
                                          const std::vector<Rejected>& expected);

}  // namespace lockstep::property
