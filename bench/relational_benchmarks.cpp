#include <fmt/format.h>

#include "bench/benchmarks.hpp"
#include "bench/engines/engines.hpp"
#include "bench/kernel_side.hpp"
#include "bench/kernels/chain.hpp"
#include "bench/kernels/count.hpp"
#include "bench/kernels/distinct.hpp"
#include "bench/kernels/join.hpp"
#include "bench/kernels/min_max.hpp"
#include "bench/kernels/outer_join.hpp"

namespace lockstep::bench {

namespace {

class JoinSide final : public Side {
 public:
  using Run = std::function<void(std::span<const Weighted<Item>>, std::span<const Weighted<Item>>, Rows<JoinedRow>&)>;

  JoinSide(Shared<Item> left, Shared<Item> right, Run run)
      : left_(std::move(left)), right_(std::move(right)), run_(std::move(run)) {}

  void stage(std::size_t step) override {
    const auto left = left_->step(step);
    const auto right = right_->step(step);
    left_batch_.assign(left.begin(), left.end());
    right_batch_.assign(right.begin(), right.end());
  }
  void run() override { run_(left_batch_, right_batch_, out_); }
  void tally(Tally& tally) override { tally.add(0, out_.span()); }

 private:
  Shared<Item> left_;
  Shared<Item> right_;
  Run run_;
  Batch<Item> left_batch_;
  Batch<Item> right_batch_;
  Rows<JoinedRow> out_;
};

template <class Kernel>
Contestant join_kernel(std::string name, Shared<Item> left, Shared<Item> right, std::size_t keys) {
  return {std::move(name), [=] {
            auto kernel = std::make_shared<Kernel>(keys);
            return std::make_unique<JoinSide>(
                left, right, [kernel](auto one, auto other, auto& out) { kernel->run(one, other, out); });
          }};
}

void add_count(std::size_t keys, std::size_t full_rows_per_step) {
  const std::size_t rows_per_step = settings().rows_per_step(full_rows_per_step);
  const std::size_t steps = settings().rows(10'000'000) / rows_per_step;
  const std::size_t used_keys = keys > 10 ? settings().rows(keys) : keys;
  add({.name = fmt::format("count/{}_keys/{}_rows", keys, full_rows_per_step),
       .rows_per_step = rows_per_step,
       .steps = steps,
       .state_rows = used_keys,
       .prepare = [=]() -> std::vector<Contestant> {
         const auto history = random_keys(used_keys, rows_per_step, steps);
         const Contestant engine{"engine", [=] { return count_engine(history); }};
         const Contestant merged = kernel<CountMerged, CountRow>("merged_first", history, used_keys);
         if (keys == 10) {
           return {engine, kernel<CountByMarks<Ahead::none>, CountRow>("marked", history, used_keys), merged};
         }
         return {engine, kernel<CountByMarks<Ahead::prefetch>, CountRow>("marked", history, used_keys), merged};
       }});
}

void add_distinct(std::size_t full_rows_per_step) {
  const std::size_t values = settings().rows(1'000'000);
  const std::size_t rows_per_step = settings().rows_per_step(full_rows_per_step);
  const std::size_t steps = settings().rows(10'000'000) / rows_per_step;
  add({.name = fmt::format("distinct/1000000_values/{}_rows", full_rows_per_step),
       .rows_per_step = rows_per_step,
       .steps = steps,
       .state_rows = values,
       .prepare = [=]() -> std::vector<Contestant> {
         const auto history = changing_values(values, rows_per_step, steps);
         return {{"engine", [=] { return distinct_engine(history); }},
                 kernel<DistinctByMarks, std::uint64_t>("marked", history, values),
                 kernel<DistinctMerged, std::uint64_t>("merged_first", history, values)};
       }});
}

/// Two sides of a million rows, which change.
template <class Contestants>
void add_join(const char* name, std::size_t full_rows_per_step, Contestants contestants) {
  const std::size_t keys = settings().rows(1'000'000);
  const std::size_t rows_per_step = settings().rows_per_step(full_rows_per_step);
  const std::size_t steps = settings().rows(1'000'000) / rows_per_step;
  add({.name = fmt::format("{}/1000000_rows_a_side/{}_rows", name, full_rows_per_step),
       .rows_per_step = rows_per_step,
       .steps = steps,
       .preload_steps = 1,
       .state_rows = 2 * keys,
       .prepare = [=]() -> std::vector<Contestant> {
         const auto left = changing_items(3, keys, keys, rows_per_step / 2, steps);
         const auto right = changing_items(4, keys, keys, rows_per_step / 2, steps);
         return contestants(left, right, keys);
       }});
}

void add_min_max(std::size_t full_rows_per_step) {
  const std::size_t groups = settings().rows(100'000);
  const std::size_t preload = 10 * groups;
  const std::size_t rows_per_step = settings().rows_per_step(full_rows_per_step);
  const std::size_t steps = settings().rows(4'000'000) / rows_per_step;
  add({.name = fmt::format("min_max/100000_groups/{}_rows", full_rows_per_step),
       .rows_per_step = rows_per_step,
       .steps = steps,
       .preload_steps = 1,
       .state_rows = preload,
       .prepare = [=]() -> std::vector<Contestant> {
         const auto history = changing_items(6, groups, preload, rows_per_step, steps);
         return {{"engine", [=] { return min_max_engine(history); }},
                 kernel<MinMaxKernel<GroupLayout::sorted>, MinMaxRow>("sorted", history, groups),
                 kernel<MinMaxKernel<GroupLayout::unsorted>, MinMaxRow>("unsorted", history, groups)};
       }});
}

void add_chain(std::size_t full_rows_per_step) {
  const std::size_t rows_per_step = settings().rows_per_step(full_rows_per_step);
  const std::size_t steps = settings().rows(10'000'000) / rows_per_step;
  add({.name = fmt::format("map_filter_count/10_keys/{}_rows", full_rows_per_step),
       .rows_per_step = rows_per_step,
       .steps = steps,
       .preload_steps = 1,
       .state_rows = 10,
       .prepare = [=]() -> std::vector<Contestant> {
         const auto history = changing_items(7, 1'000'000, 1000, rows_per_step, steps);
         return {{"engine", [=] { return chain_engine(history); }},
                 kernel<ChainMarked, CountRow>("marked", history, 10),
                 kernel<ChainMerged, CountRow>("merged_first", history, 10)};
       }});
}

}  // namespace

void add_relational_benchmarks() {
  for (const std::size_t keys : {1'000'000U, 10U}) {
    for (const std::size_t rows : {1'000U, 100'000U}) add_count(keys, rows);
  }
  for (const std::size_t rows : {1'000U, 100'000U}) {
    add_join("join", rows, [](const Shared<Item>& left, const Shared<Item>& right, std::size_t keys) {
      return std::vector<Contestant>{{"engine", [=] { return join_engine(left, right); }},
                                     join_kernel<JoinKernel<MergeBy::row_hash>>("merged_by_row", left, right, keys),
                                     join_kernel<JoinKernel<MergeBy::key_hash>>("merged_by_key", left, right, keys)};
    });
    add_join("left_join", rows, [](const Shared<Item>& left, const Shared<Item>& right, std::size_t keys) {
      return std::vector<Contestant>{{"engine", [=] { return left_join_engine(left, right); }},
                                     join_kernel<OuterJoinKernel<RightRows>>("kernel", left, right, keys)};
    });
    add_join("anti_join", rows, [](const Shared<Item>& left, const Shared<Item>& right, std::size_t keys) {
      return std::vector<Contestant>{{"engine", [=] { return anti_join_engine(left, right); }},
                                     join_kernel<OuterJoinKernel<RightCount>>("kernel", left, right, keys)};
    });
  }
  for (const std::size_t rows : {1'000U, 100'000U}) add_distinct(rows);
  for (const std::size_t rows : {1'000U, 100'000U}) add_min_max(rows);
  add_chain(100'000);
}

}  // namespace lockstep::bench
