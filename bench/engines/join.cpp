#include "bench/engines/engine_side.hpp"
#include "bench/engines/engines.hpp"

namespace lockstep::bench {

namespace {

/// `meet`: what comes of the two sides, keyed.
template <class Meet>
std::unique_ptr<Side> two_sides(Shared<Item> left, Shared<Item> right, const RuntimeOptions& options, Meet meet) {
  Dataflow flow;
  auto lefts = flow.input<Item>("left");
  auto rights = flow.input<Item>("right");
  auto pairs =
      meet(lefts | key_by(&Item::key, &Item::value), rights | key_by(&Item::key, &Item::value)) | output("joined");
  auto push = [lefts, rights, left = std::move(left), right = std::move(right)](Runtime& runtime, std::size_t step) {
    runtime[lefts].push(left->step(step));
    runtime[rights].push(right->step(step));
  };
  return make_engine(flow, options, std::move(push), pairs);
}

}  // namespace

std::unique_ptr<Side> join_engine(Shared<Item> left, Shared<Item> right, const RuntimeOptions& options) {
  return two_sides(std::move(left), std::move(right), options, [](auto a, auto b) {
    return std::move(a) | join(std::move(b), [](std::int64_t one, std::int64_t other) { return joined(one, other); });
  });
}

std::unique_ptr<Side> left_join_engine(Shared<Item> left, Shared<Item> right, const RuntimeOptions& options) {
  return two_sides(std::move(left), std::move(right), options, [](auto a, auto b) {
    return std::move(a) | left_join(std::move(b), [](std::int64_t one, std::optional<std::int64_t> other) {
             return joined(one, other.value_or(-1));
           });
  });
}

std::unique_ptr<Side> anti_join_engine(Shared<Item> left, Shared<Item> right, const RuntimeOptions& options) {
  return two_sides(std::move(left), std::move(right), options,
                   [](auto a, auto b) { return std::move(a) | anti_join(std::move(b)); });
}

std::unique_ptr<Side> min_max_engine(Shared<Item> items, const RuntimeOptions& options) {
  Dataflow flow;
  auto input = flow.input<Item>("items");
  auto bounds = input | key_by(&Item::key, &Item::value) | group_by(key, min(value), max(value)) | output("bounds");
  return make_engine(flow, options, push_history(input, std::move(items)), bounds);
}

}  // namespace lockstep::bench
