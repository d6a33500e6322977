#include "tests/property/oracle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "tests/property/twins.hpp"

namespace lockstep::property {

namespace {

/// The inputs: rows as they are pushed, tables operation by operation, and what is rejected.
class Edges {
 public:
  explicit Edges(const std::vector<OpSpec>& flow) {
    for (const OpSpec& op : flow) kinds_[op.id] = op.kind;
  }

  void apply(StepPushes pushes, ExpectedStep& expected) {
    // Sessions in the order of their numbers; within one, its own order.
    std::stable_sort(pushes.begin(), pushes.end(), [](const Push& a, const Push& b) { return a.session < b.session; });
    for (const Push& push : pushes) apply(push, expected.ledgers[push.input]);
    for (auto& [input, rejected] : expected.ledgers) std::sort(rejected.begin(), rejected.end());
  }

  const Facts& contents(int input) { return contents_[input]; }

 private:
  void apply(const Push& push, std::vector<Rejected>& ledger) {
    std::uint64_t& next = positions_[{push.input, push.session}];
    const std::uint64_t position = next;
    next += push.kind == Push::Kind::clear ? 1024 : 1;
    const Rec row = canonical(push.row);
    const auto reject = [&](const char* reason, const std::string& text, Weight weight) {
      ledger.emplace_back(reason, push.session, position, text, weight);
    };
    Facts& contents = contents_[push.input];
    if (push.kind == Push::Kind::reject) return reject("refused by the test", "text", 1);
    if (push.kind == Push::Kind::row) {
      constexpr Weight kMost = 2'147'483'648;
      if (push.weight > kMost || push.weight < -kMost) {
        return reject("the weight is beyond 2^31", lockstep::to_string(row), push.weight);
      }
      if (push.weight < 0 && kinds_[push.input] == Kind::append_only_input) {
        return reject("a deletion in an append-only input", lockstep::to_string(row), push.weight);
      }
      return add(contents, 0, row, push.weight);
    }
    auto& table = tables_[push.input];
    if (push.kind == Push::Kind::clear) {
      for (const auto& [key, held] : table) add(contents, key, held, -1);
      return table.clear();
    }
    const auto found = table.find(row.k.id);
    if (push.kind == Push::Kind::insert && found != table.end()) {
      return reject("insert of a key that is present", lockstep::to_string(row), 1);
    }
    if (push.kind == Push::Kind::erase && found == table.end()) {
      return reject("erase of a key that is absent", lockstep::to_string(row.k), -1);
    }
    if (push.kind == Push::Kind::erase_if_present && found == table.end()) return;
    if (found != table.end()) {
      add(contents, row.k.id, found->second, -1);
      table.erase(found);
    }
    if (push.is_erase()) return;
    add(contents, row.k.id, row, 1);
    table.emplace(row.k.id, row);
  }

  std::map<int, Kind> kinds_;
  std::map<int, Facts> contents_;
  std::map<int, std::map<std::int64_t, Rec>> tables_;
  std::map<std::pair<int, std::uint64_t>, std::uint64_t> positions_;  // by input and session
};

bool out_of_hand(const Facts& facts) {
  constexpr Int128 kWeight = Int128{1} << 56;
  constexpr std::int64_t kNumber = std::int64_t{1} << 50;
  const auto large = [](std::int64_t value) { return value > kNumber || value < -kNumber; };
  return facts.size() > 8'000 || std::any_of(facts.begin(), facts.end(), [&](const auto& item) {
           const auto& [fact, weight] = item;
           return weight > kWeight || weight < -kWeight || large(fact.key) || large(fact.row.v) ||
                  large(fact.row.k.id) || large(fact.row.o.value_or(0));
         });
}

std::size_t largest_group(const Facts& facts) {
  std::map<std::int64_t, std::size_t> sizes;
  std::size_t largest = 0;
  for (const auto& item : facts) largest = std::max(largest, ++sizes[item.first.key + item.first.row.k.id]);
  return largest;
}

/// About how many rows the delta of an operator may have before equal ones are merged, as joins of joins multiply.
double unmerged_rows(const OpSpec& op, double a, double b, const Facts& facts_a, const Facts& facts_b,
                     const Facts& out) {
  const std::string_view name = info(op.kind).name;
  const auto has = [name](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (has("join")) {
    return a * static_cast<double>(largest_group(facts_b)) + b * static_cast<double>(largest_group(facts_a)) + a * b;
  }
  if (has("group") || has("aggregate") || has("distinct")) return static_cast<double>(2 * out.size());
  return (info(op.kind).in.size() == 2 ? a + b : a) * (has("flat_map") || has("chain") ? 3 : 1);
}

}  // namespace

std::vector<ExpectedStep> expect(const std::vector<OpSpec>& flow, History& history) {
  Edges edges(flow);
  std::map<int, Facts> before;
  std::vector<ExpectedStep> steps;
  for (const StepPushes& pushes : history) {
    ExpectedStep step;
    edges.apply(pushes, step);
    std::map<int, Facts> now;
    std::map<int, double> unmerged;
    for (const OpSpec& op : flow) {
      if (is_input(op.kind)) {
        now[op.id] = edges.contents(op.id);
        unmerged[op.id] = static_cast<double>(pushes.size());
      } else {
        const int a = op.in.front();
        const int b = op.in.back();
        now[op.id] = through(op, now[a], now[b], before[a]);
        unmerged[op.id] = unmerged_rows(op, unmerged[a], unmerged[b], now[a], now[b], now[op.id]);
      }
      constexpr double kUnmerged = 100'000;
      if (out_of_hand(now[op.id]) || unmerged[op.id] > kUnmerged) {
        history.resize(steps.size());
        return steps;
      }
      if (op.shown != Shown::no || op.kind == Kind::inspect) step.deltas[op.id] = sum_of(now[op.id], before[op.id], -1);
      if (op.shown == Shown::contents) step.contents[op.id] = now[op.id];
    }
    before = std::move(now);
    steps.push_back(std::move(step));
  }
  return steps;
}

std::string to_text(Shape shape, const Fact& fact) {
  switch (shape) {
    case Shape::rows: return to_text(fact.row);
    case Shape::keyed: return fmt::format("(k{}, {})", fact.key, to_text(fact.row));
    default: return fmt::format("(k{}, {})", fact.key, fact.row.v);
  }
}

}  // namespace lockstep::property
