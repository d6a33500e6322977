#include <fmt/format.h>

#include <algorithm>

#include "tests/property/run.hpp"

namespace lockstep::property {

namespace {

Fact fact(const Rec& row) { return {0, row}; }
Fact fact(const std::pair<Key, Rec>& row) { return {row.first.id, row.second}; }
Fact fact(const std::pair<Key, std::int64_t>& row) { return {row.first.id, {{}, row.second, {}, 0}}; }

/// Compares rows as they come with a Z-set; each row may come once and never with weight 0.
class Comparison {
 public:
  Comparison(Shape shape, const Facts& expected) : shape_(shape), expected_(expected) {}

  void see(const Fact& fact, Weight weight) {
    if (weight == 0) fail(fact, "has weight 0");
    if (!seen_.try_emplace(fact, weight).second) fail(fact, "is there twice");
  }

  std::optional<std::string> result() {
    for (const auto& [fact, weight] : expected_) {
      const auto at = seen_.find(fact);
      const Int128 found = at == seen_.end() ? 0 : at->second;
      if (found != weight) differ(fact, weight, found);
    }
    for (const auto& [fact, weight] : seen_) {
      if (!expected_.contains(fact)) differ(fact, 0, weight);
    }
    return wrong_;
  }

 private:
  void differ(const Fact& row, Int128 expected, Int128 found) {
    fail(row,
         fmt::format("should have weight {:+}, has {:+}", static_cast<Weight>(expected), static_cast<Weight>(found)));
  }
  void fail(const Fact& fact, const std::string& what) {
    if (!wrong_) wrong_ = to_text(shape_, fact) + " " + what;
  }

  Shape shape_;
  const Facts& expected_;
  Facts seen_;
  std::optional<std::string> wrong_;
};

}  // namespace

std::optional<std::string> compare_delta(Shape shape, const Step& step, const AnyOutput& output,
                                         const Facts& expected) {
  Comparison comparison(shape, expected);
  std::visit(
      [&](const auto& name) {
        for (const auto& [row, weight] : step[name]) comparison.see(fact(row), weight);
      },
      output);
  return comparison.result();
}

std::optional<std::string> compare_contents(Shape shape, const Snapshot& snapshot, const AnyOutput& output,
                                            const Facts& expected) {
  Comparison comparison(shape, expected);
  std::optional<std::string> wrong;
  std::visit(
      [&](const auto& name) {
        const auto contents = snapshot[name];
        contents.for_each([&](const auto& row, Weight weight) {
          comparison.see(fact(row), weight);
          if constexpr (requires { contents.values(row.first); }) {
            Weight found = 0;
            for (const auto& [value, its_weight] : contents.values(row.first)) {
              const Fact one = fact(std::pair(row.first, value));
              if (!FactLess()(one, fact(row)) && !FactLess()(fact(row), one)) found += its_weight;
            }
            if (found != weight) wrong = to_text(shape, fact(row)) + " is not found by its key";
          }
          if (contents.weight_of(row) != weight) wrong = to_text(shape, fact(row)) + " is not found by weight_of";
        });
        if (contents.size() != expected.size()) {
          wrong = fmt::format("size() should be {}, is {}", expected.size(), contents.size());
        }
      },
      output);
  const auto rows_wrong = comparison.result();
  return rows_wrong ? rows_wrong : wrong;
}

std::optional<std::string> compare_rows(const std::vector<Weighted<Rec>>& seen, const Facts& expected) {
  Comparison comparison(Shape::rows, expected);
  for (const auto& [row, weight] : seen) comparison.see(fact(row), weight);
  return comparison.result();
}

std::optional<std::string> compare_ledger(const Step& step, const AnyInput& input,
                                          const std::vector<Rejected>& expected) {
  std::vector<Rejected> found;
  bool once = true;
  std::visit(
      [&](const auto& handle) {
        for (const auto& [row, weight] : step[ledger(handle)]) {
          found.emplace_back(row.reason, row.session, row.position, row.row, row.weight);
          once = once && weight == 1 && !row.event_time;
        }
      },
      input);
  std::sort(found.begin(), found.end());
  if (once && found == expected) return std::nullopt;
  const auto text = [](const std::vector<Rejected>& rows) {
    std::string all;
    for (const auto& [reason, session, position, row, weight] : rows) {
      all += fmt::format("\n    {}: session {} position {} {} {:+}", reason, session, position, row, weight);
    }
    return all.empty() ? std::string(" nothing") : all;
  };
  return fmt::format("should hold{}\n  holds{}", text(expected), text(found));
}

}  // namespace lockstep::property
