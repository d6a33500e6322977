#pragma once

#include <memory>

#include "bench/harness.hpp"
#include "bench/history.hpp"
#include "runtime/clock/options.hpp"

namespace lockstep::bench {

// The engine's side of each benchmark: a dataflow, its runtime, and the history that is pushed into it.

std::unique_ptr<Side> count_engine(Shared<std::uint64_t> keys, const RuntimeOptions& options = {.workers = 1});
std::unique_ptr<Side> distinct_engine(Shared<std::uint64_t> values, const RuntimeOptions& options = {.workers = 1});
std::unique_ptr<Side> join_engine(Shared<Item> left, Shared<Item> right,
                                  const RuntimeOptions& options = {.workers = 1});
std::unique_ptr<Side> left_join_engine(Shared<Item> left, Shared<Item> right,
                                       const RuntimeOptions& options = {.workers = 1});
std::unique_ptr<Side> anti_join_engine(Shared<Item> left, Shared<Item> right,
                                       const RuntimeOptions& options = {.workers = 1});
std::unique_ptr<Side> min_max_engine(Shared<Item> items, const RuntimeOptions& options = {.workers = 1});
/// map → filter → count by key.
std::unique_ptr<Side> chain_engine(Shared<Item> items, const RuntimeOptions& options = {.workers = 1});
/// All seven views. `timed_push`: pushing is part of what is timed.
std::unique_ptr<Side> bank_engine(Shared<Transfer> transfers, bool timed_push,
                                  const RuntimeOptions& options = {.workers = 1});

}  // namespace lockstep::bench
