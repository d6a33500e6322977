#include <catch2/catch.hpp>
#include <lockstep.hpp>

#include "tests/delta_text.hpp"

namespace ls = lockstep;
using Number = std::int64_t;

namespace {

/// A stateless operator as users write it: after |, out of the operators there are.
struct Doubled {
  template <ls::Expression E>
  auto apply(const E& in) const {
    return ls::map([](Number n) { return 2 * n; }).named("doubled").apply(in);
  }
};

/// Gives each row `steps` steps later, with or without input then.
class DelayOperator {
 public:
  explicit DelayOperator(std::uint64_t steps) : steps_(steps) {}

  template <class Reader>
  void eval(Reader& in, ls::Batch<Number>& out, ls::Activation& activation) {
    in.for_each([&](Number row, ls::Weight weight) { held_.push_back({row, weight, activation.time.step + steps_}); });
    std::erase_if(held_, [&](const Held& one) {
      if (one.due <= activation.time.step) out.push_back({one.row, one.weight});
      return one.due <= activation.time.step;
    });
    activation.again = !held_.empty();
  }

  void save(unsigned slot, ls::Encoder& out) const {
    for (const Held& one : held_) {
      if (ls::slot_of(ls::row_traits<Number>::hash(one.row)) != slot) continue;
      out.zigzag(one.row);
      out.zigzag(one.weight);
      out.varint(one.due);
    }
  }
  void load(ls::Decoder& in) {
    while (!in.at_end()) {
      const Number row = in.zigzag();
      const ls::Weight weight = in.zigzag();
      held_.push_back({row, weight, in.varint()});
    }
  }

 private:
  struct Held {
    Number row;
    ls::Weight weight;
    std::uint64_t due;
  };
  std::uint64_t steps_;
  std::vector<Held> held_;
};

struct Delay {
  std::uint64_t steps;

  template <ls::Expression E>
  auto apply(const E& in) const {
    const ls::EdgeId edge = ls::add_exchanged<ls::route::ByRow, Number>(
        in, {.kind = "delay", .name = ls::derived_name("delay", in.label()), .state = "rows by due step"}, in.schema(),
        {.partitioning = ls::Partitioning::by_row, .step_dependent = true},
        [steps = steps](ls::Assembly&, ls::EdgeId) { return DelayOperator(steps); });
    return ls::Stream<Number>(in.flow(), edge);
  }
};

/// Each worker gives all rows of the stream, with its own number.
class CensusOperator {
 public:
  explicit CensusOperator(unsigned worker) : worker_(worker) {}

  template <class Reader>
  void eval(Reader& in, ls::Batch<std::pair<unsigned, Number>>& out) {
    in.for_each([&](Number row, ls::Weight weight) { out.push_back({{worker_, row}, weight}); });
  }

 private:
  unsigned worker_;
};

struct Census {
  template <ls::Expression E>
  auto apply(const E& in) const {
    using Out = std::pair<unsigned, Number>;
    const ls::EdgeId edge = ls::add_exchanged<ls::route::ToAll, Out>(
        in, {.kind = "census", .name = "census"}, ls::row_traits<Out>::schema(), {},
        [](ls::Assembly& assembly, ls::EdgeId) { return CensusOperator(assembly.worker); });
    return ls::Stream<Out>(in.flow(), edge);
  }
};

}  // namespace

TEST_CASE("a user's own operator stands after | like any other", "[custom operator]") {
  auto flow = one_output<Number>(GENERATE(1U, 3U), [](auto& in) {
    return in | ls::filter([](Number n) { return n > 1; }) | Doubled() | ls::output("out");
  });
  CHECK(flow.step({{1, 1}, {2, 3}}) == "4 +3");
  CHECK_THAT(flow.flow.explain(), Catch::Matchers::Contains("doubled"));
}

TEST_CASE("an operator that asks to is run again without input", "[custom operator]") {
  auto flow = one_output<Number>(GENERATE(1U, 3U), [](auto& in) { return in | Delay{2} | ls::output("out"); });
  CHECK_THAT(flow.flow.explain(), Catch::Matchers::Contains("delay(in): int64 [by row, step-dependent] keeps state"));
  CHECK(flow.step({{1, 1}, {2, 3}}).empty());
  CHECK(flow.step({{3, 1}}).empty());
  CHECK(text(flow.runtime.step()[flow.out]) == "1 +1, 2 +3");
  CHECK(text(flow.runtime.step()[flow.out]) == "3 +1");
  CHECK(flow.runtime.step()[flow.out].empty());
  const auto activations = [&] {
    std::uint64_t sum = 0;
    for (const auto& one : flow.runtime.metrics().operators) sum += one.activations;
    return sum;
  };
  const auto before = activations();
  flow.runtime.step();
  CHECK(activations() == before);
}

TEST_CASE("an operator that waits to be run again is run after its state was loaded", "[custom operator]") {
  const unsigned before = GENERATE(1U, 4U);
  const unsigned after = GENERATE(1U, 3U);
  auto flow = one_output<Number>(before, [](auto& in) { return in | Delay{2} | ls::output("out"); });
  flow.step({{1, 1}, {2, 3}, {3, 1}});
  ls::Runtime loaded(flow.flow, {.workers = after}, flow.runtime.save());
  CHECK(loaded.step()[flow.out].empty());
  CHECK(text(loaded.step()[flow.out]) == "1 +1, 2 +3, 3 +1");
}

TEST_CASE("a broadcast shows all rows to every worker", "[custom operator]") {
  const unsigned workers = GENERATE(1U, 3U);
  auto flow = one_output<Number>(workers, [](auto& in) { return in | Census() | ls::output("out"); });
  flow.runtime[flow.in].push(std::vector<ls::Weighted<Number>>{{5, 2}, {6, -1}, {7, 1}});
  std::string expected;
  for (unsigned worker = 0; worker < workers; ++worker) {
    expected += fmt::format("{0}({1}, 5) +2, ({1}, 6) -1, ({1}, 7) +1", worker == 0 ? "" : ", ", worker);
  }
  CHECK(text(flow.runtime.step()[flow.out]) == expected);
}
