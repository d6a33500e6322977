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

  void save(ls::StateWriter& out) const {
    for (const Held& one : held_) {
      ls::Encoder item = out.at(ls::row_traits<Number>::hash(one.row));
      item.zigzag(one.row);
      item.zigzag(one.weight);
      item.varint(one.due);
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

class Delay : public ls::Named<Delay> {
 public:
  explicit Delay(std::uint64_t steps) : steps_(steps) {}

  template <ls::Expression E>
  auto apply(const E& in) const {
    ls::Part part = this->part("delay", in.label(), std::to_string(steps_));
    part.state = "rows by due step";
    part.bound = "the rows of " + std::to_string(steps_) + " steps";
    part.properties = {.partitioning = ls::Partitioning::by_row, .step_dependent = true};
    return ls::add_part<ls::Stream<Number>>(
        in.flow(), part, [steps = steps_](const ls::Site&) { return DelayOperator(steps); }, ls::reads::by_owner(in));
  }

 private:
  std::uint64_t steps_;
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
    return ls::add_part<ls::Stream<std::pair<unsigned, Number>>>(
        in.flow(), {"census", "census"}, [](const ls::Site& site) { return CensusOperator(site.worker()); },
        ls::reads::broadcast(in));
  }
};

/// The largest row so far, which every worker knows; the first one tells of it when it changes.
class RecordOperator {
 public:
  explicit RecordOperator(unsigned worker) : worker_(worker) {}

  template <class Reader>
  void eval(Reader& in, ls::Batch<Number>& out) {
    const std::optional<Number> before = record_;
    in.for_each([&](Number row, ls::Weight) { record_ = std::max(row, record_.value_or(row)); });
    if (worker_ != 0 || before == record_) return;
    if (before) out.push_back({*before, -1});
    if (record_) out.push_back({*record_, 1});
  }

  void save(ls::StateWriter& out) const {
    if (record_) out.at(0).zigzag(*record_);
  }
  void load(ls::Decoder& in) {
    record_ = in.zigzag();
    if (*record_ == 13) throw std::domain_error("not thirteen");
  }

 private:
  unsigned worker_;
  std::optional<Number> record_;
};

template <class Read>
ls::Stream<Number> record(const ls::Stream<Number>& in, Read read, ls::Placement placement) {
  ls::Part part("record", "record");
  part.state = "the largest row";
  part.placement = placement;
  part.properties = {.partitioning = ls::Partitioning::colocated};
  return ls::add_part<ls::Stream<Number>>(
      in.flow(), part, [](const ls::Site& site) { return RecordOperator(site.worker()); }, std::move(read));
}

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
  CHECK_THAT(flow.flow.explain(),
             Catch::Matchers::Contains("delay 2: int64 [by row, step-dependent], keeps the rows of 2 steps"));
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

TEST_CASE("state that is whole at every worker is saved once, and given to all", "[custom operator]") {
  const unsigned before = GENERATE(1U, 3U);
  const unsigned after = GENERATE(1U, 2U);
  auto flow = one_output<Number>(
      before, [](auto& in) { return record(in, ls::reads::broadcast(in), ls::Placement::whole) | ls::output("out"); });
  CHECK(flow.step({{7, 1}, {5, 1}}) == "7 +1");
  ls::Runtime loaded(flow.flow, {.workers = after}, flow.runtime.save());
  for (Number row : {6, 7, 8}) loaded[flow.in].push(row);
  CHECK(text(loaded.step()[flow.out]) == "7 -1, 8 +1");
}

TEST_CASE("a load() that throws is an error that names the operator", "[custom operator]") {
  auto flow = one_output<Number>(
      2, [](auto& in) { return record(in, ls::reads::broadcast(in), ls::Placement::whole) | ls::output("out"); });
  CHECK(flow.step({{13, 1}}) == "13 +1");
  const auto load = [&] { ls::Runtime(flow.flow, {.workers = 2}, flow.runtime.save()); };
  CHECK_THROWS_AS(load(), ls::SavedStateError);
  CHECK_THROWS_WITH(load(), Catch::Matchers::Contains("operator 'record': not thirteen"));
}

TEST_CASE("state of gathered rows is saved whole, and loaded where rows are gathered", "[custom operator]") {
  const unsigned before = GENERATE(1U, 3U);
  const unsigned after = GENERATE(1U, 4U);
  auto flow = one_output<Number>(before, [](auto& in) {
    ls::Part part("distinct", "gathered");
    part.state = "rows";
    part.properties = {.partitioning = ls::Partitioning::colocated, .consolidated = true};
    return ls::add_part<ls::Stream<Number>>(
               in.flow(), part,
               [](const ls::Site& site) { return ls::DistinctOperator<Number, ls::RowHash>(site.limits()); },
               ls::reads::gathered(in)) |
           ls::output("out");
  });
  for (Number row = 0; row < 50; ++row) flow.runtime[flow.in].push(row);
  CHECK(flow.runtime.step()[flow.out].size() == 50);
  ls::Runtime loaded(flow.flow, {.workers = after}, flow.runtime.save());
  for (Number row = 0; row < 51; ++row) loaded[flow.in].push(row);
  CHECK(text(loaded.step()[flow.out]) == "50 +1");
}

TEST_CASE("state is refused where rows lie by no slot, and where it could not be saved", "[custom operator]") {
  ls::Dataflow flow;
  const auto in = flow.input<Number>("in");
  CHECK_THROWS_WITH(record(in, ls::reads::in_place(in), ls::Placement::by_slot),
                    Catch::Matchers::Contains("reads rows that do not"));
  ls::Part part("forget", "forget");
  part.state = "the sum";
  const auto make = [](const ls::Site&) { return CensusOperator(0); };
  CHECK_THROWS_WITH(
      (ls::add_part<ls::Stream<std::pair<unsigned, Number>>>(in.flow(), part, make, ls::reads::by_owner(in))),
      Catch::Matchers::Contains("it has not both save"));
}

TEST_CASE("state that is whole is refused where not all rows come, and the other way round", "[custom operator]") {
  ls::Dataflow flow;
  const auto in = flow.input<Number>("in");
  CHECK_THROWS_AS(record(in, ls::reads::in_place(in), ls::Placement::whole), ls::FlowError);
  CHECK_THROWS_AS(record(in, ls::reads::broadcast(in), ls::Placement::by_slot), ls::FlowError);
  CHECK(flow.description()->operators.size() == 1);
}

TEST_CASE("a part knows the inputs that its rows come from", "[custom operator]") {
  ls::Dataflow flow;
  const auto a = flow.input<Number>("a");
  const auto b = flow.input<Number>("b");
  (void)(b | ls::distinct());
  CHECK(flow.description()->operators.back().upstream == std::vector<ls::InputId>{1});
  (void)(b | ls::plus(a) | ls::distinct());
  CHECK(flow.description()->operators.back().upstream == std::vector<ls::InputId>{0, 1});
}

TEST_CASE("a part of streams of two dataflows is refused", "[custom operator]") {
  ls::Dataflow flow;
  ls::Dataflow other;
  const auto a = flow.input<Number>("a") | ls::key_by(ls::value);
  const auto b = other.input<Number>("b") | ls::key_by(ls::value);
  CHECK_THROWS_WITH(a | ls::join(b, [](Number n, Number) { return n; }), Catch::Matchers::Contains("join: "));
}

TEST_CASE("state of functions of another version is not loaded", "[custom operator]") {
  const auto make = [](const char* version) {
    return one_output<Number>(1, [&](auto& in) {
      return in | ls::filter([](Number n) { return n > 1; }).version(version) | ls::distinct() | ls::output("out");
    });
  };
  auto first = make("1");
  first.step({{2, 1}});
  const auto saved = first.runtime.save();
  CHECK_NOTHROW(ls::Runtime(make("1").flow, {}, saved));
  CHECK_THROWS_WITH(ls::Runtime(make("2").flow, {}, saved),
                    Catch::Matchers::Contains("version 1") && Catch::Matchers::Contains("version 2"));
}
