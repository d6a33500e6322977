#include "bench/engines/engine_side.hpp"
#include "bench/engines/engines.hpp"

namespace lockstep::bench {

std::unique_ptr<Side> count_engine(Shared<std::uint64_t> keys, const RuntimeOptions& options) {
  Dataflow flow;
  auto input = flow.input<std::uint64_t>("keys");
  auto counts = input | group_by(value, count()) | output("counts");
  return make_engine(flow, options, push_history(input, std::move(keys)), counts);
}

std::unique_ptr<Side> distinct_engine(Shared<std::uint64_t> values, const RuntimeOptions& options) {
  Dataflow flow;
  auto input = flow.input<std::uint64_t>("values");
  auto seen = input | distinct() | output("distinct");
  return make_engine(flow, options, push_history(input, std::move(values)), seen);
}

std::unique_ptr<Side> chain_engine(Shared<Item> items, const RuntimeOptions& options) {
  Dataflow flow;
  auto input = flow.input<Item>("items");
  auto grouped = input | map([](const Item& item) { return bucketed(item); }) |
                 filter([](const Item& item) { return passes(item); }) | group_by(&Item::key, count());
  auto counts = grouped | output("counts");
  return make_engine(flow, options, push_history(input, std::move(items)), counts);
}

}  // namespace lockstep::bench
