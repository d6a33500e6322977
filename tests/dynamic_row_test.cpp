#include "tests/dynamic_row.hpp"

#include <catch2/catch.hpp>

#include "tests/delta_text.hpp"

namespace ls = lockstep;
using Number = std::int64_t;
using Value = DynamicRow::Value;

namespace {

DynamicRow row(auto... values) { return {{Value(std::move(values))...}}; }

/// A function that takes these columns out of a row: what a planner of SQL would make.
auto columns(std::vector<std::size_t> wanted) {
  return [wanted = std::move(wanted)](const DynamicRow& from) {
    DynamicRow out;
    for (const std::size_t column : wanted) out.values.push_back(from.values.at(column));
    return out;
  };
}

struct Orders {
  static ls::Schema schema() {
    using Kind = ls::Schema::Kind;
    return {Kind::record,
            "Order",
            {{"customer", {Kind::text, "string", {}}},
             {"amount", {Kind::integer, "int64", {}}},
             {"discount", {Kind::real, "double", {}}}}};
  }

  ls::Dataflow flow;
  ls::Input<DynamicRow> orders = flow.input<DynamicRow>("orders", schema());
  ls::Input<DynamicRow> customers = flow.input<DynamicRow>("customers", ls::Schema{});
  ls::Output<std::pair<DynamicRow, std::tuple<Number, Number, DynamicRow>>> sums =
      orders |
      ls::group_by(columns({0}), ls::count(),
                   ls::sum([](const DynamicRow& o) { return std::get<Number>(o.values[1]); }),
                   ls::max(columns({1, 2}))) |
      ls::output("sums");
  ls::Output<DynamicRow> joined =
      orders | ls::key_by(columns({0}), columns({1, 2})) |
      ls::join(customers | ls::key_by(columns({0})),
               [](const DynamicRow& key, const DynamicRow& order, const DynamicRow& customer) {
                 DynamicRow out = key;
                 out.values.push_back(customer.values[1]);
                 out.values.push_back(order.values[0]);
                 return out;
               }) |
      ls::distinct() | ls::output("joined", ls::accumulated);
};

}  // namespace

TEST_CASE("rows whose shape is known at run time only run through the engine", "[dynamic row]") {
  Orders flow;
  const unsigned workers = GENERATE(1U, 3U);
  ls::Runtime runtime(flow.flow,
                      {.workers = workers, .limits = GENERATE(ls::IndexLimits{}, ls::IndexLimits::minimum())});
  CHECK_THAT(flow.flow.explain(),
             Catch::Matchers::Contains("input 'orders': Order{customer: string, amount: int64, discount: double}"));

  runtime[flow.orders].push(row(std::string("ann"), Number{5}, 0.5));
  runtime[flow.orders].push(row(std::string("ann"), Number{7}, -0.0), 2);
  runtime[flow.orders].push(row(std::monostate(), Number{1}, 0.0));
  runtime[flow.customers].push(row(std::string("ann"), std::string("a town of a name too long to be inline")));
  auto step = runtime.step();
  CHECK(text(step[flow.sums]) == "(<null>, (1, 1, <1, 0>)) +1, (<\"ann\">, (3, 19, <7, 0>)) +1");
  CHECK(text(step[flow.joined]) ==
        "<\"ann\", \"a town of a name too long to be inline\", 5> +1, "
        "<\"ann\", \"a town of a name too long to be inline\", 7> +1");

  ls::Runtime again(flow.flow, {.workers = 4 - workers}, runtime.save());
  again[flow.orders].push(row(std::string("ann"), Number{7}, 0.0), -2);
  again[flow.customers].push(row(std::monostate(), std::string("nowhere")));
  step = again.step();
  CHECK(text(step[flow.sums]) == "(<\"ann\">, (1, 5, <5, 0.5>)) +1, (<\"ann\">, (3, 19, <7, 0>)) -1");
  CHECK(text(step[flow.joined]) ==
        "<null, \"nowhere\", 1> +1, "
        "<\"ann\", \"a town of a name too long to be inline\", 7> -1");
  CHECK(again.snapshot()[flow.joined].size() == 2);
}
