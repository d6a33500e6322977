#include "bench/engines/engine_side.hpp"
#include "bench/engines/engines.hpp"

namespace lockstep::bench {

std::unique_ptr<Side> join_engine(Shared<Item> left, Shared<Item> right, const RuntimeOptions& options) {
  Dataflow flow;
  auto lefts = flow.input<Item>("left");
  auto rights = flow.input<Item>("right");
  auto pairs = lefts | key_by(&Item::key, &Item::value) |
               join(rights | key_by(&Item::key, &Item::value),
                    [](std::int64_t one, std::int64_t other) { return joined(one, other); }) |
               output("joined");
  auto push = [lefts, rights, left = std::move(left), right = std::move(right)](Runtime& runtime, std::size_t step) {
    runtime[lefts].push(left->step(step));
    runtime[rights].push(right->step(step));
  };
  return make_engine(flow, options, std::move(push), pairs);
}

std::unique_ptr<Side> min_max_engine(Shared<Item> items, const RuntimeOptions& options) {
  Dataflow flow;
  auto input = flow.input<Item>("items");
  auto bounds = input | key_by(&Item::key, &Item::value) | group_by(key, min(value), max(value)) | output("bounds");
  return make_engine(flow, options, push_history(input, std::move(items)), bounds);
}

}  // namespace lockstep::bench
