#include <catch2/catch.hpp>
#include <lockstep_checkpoint.hpp>
#include <map>
#include <set>

#include "runtime/durability/store/checkpoint_store.hpp"
#include "tests/delta_text.hpp"
#include "tests/numbers.hpp"

// Checkpoints that hold only what has changed since the last one.

namespace ls = lockstep;

TEST_CASE("what has not changed is not written again", "[checkpoint]") {
  ls::Dataflow flow;
  const auto in = flow.input<Number>("in");
  (void)(in | ls::group_by([](Number n) { return n; }, ls::count()) | ls::output("counts"));
  const Folder folder;
  ls::Runtime runtime(flow, {}, ls::checkpoints(folder.state(), {.begin_if_empty = true}));
  const auto bytes_of_step = [&] {
    runtime.step();
    runtime.checkpoint().get();
    return runtime.metrics().checkpoints.bytes;
  };
  for (Number n = 0; n < 20'000; ++n) runtime[in].push(n);
  const std::uint64_t whole = bytes_of_step();
  runtime[in].push(7);
  const std::uint64_t changed = bytes_of_step();
  CHECK(changed > 0);
  CHECK(changed < whole / 100);
}

TEST_CASE("only rows that have changed are written, and what is read again stays small", "[checkpoint]") {
  constexpr Number kKeys = 20'000;
  ls::Dataflow flow;
  const auto in = flow.input<Number>("in");
  const auto counts = in | ls::group_by(ls::value, ls::count()) | ls::output("counts");
  const Folder folder;
  std::vector<Number> expected(kKeys);
  std::uint64_t written = 0;
  std::uint64_t whole = 0;
  constexpr int kCheckpoints = 60;
  for (int round = 0, taken = 0; round < 3; ++round) {
    ls::Runtime runtime(flow, {.workers = 1U + static_cast<unsigned>(round)},
                        ls::checkpoints(folder.state(), {.begin_if_empty = true}));
    for (; taken < kCheckpoints / 3 * (round + 1); ++taken) {
      for (Number n = 0; n < kKeys; ++n) {
        const bool changes = taken == 0 || n % 100 == taken;
        if (!changes) continue;
        const Number weight = n % 7 == 0 && expected[static_cast<std::size_t>(n)] == 1 ? -1 : 1;  // some go
        runtime[in].push(n, weight);
        expected[static_cast<std::size_t>(n)] += weight;
      }
      runtime.step();
      runtime.checkpoint().get();
      (taken == 0 ? whole : written) += runtime.metrics().checkpoints.bytes;
    }
  }
  // One row of a hundred has changed each time, and every slot was written anew two or three times.
  CHECK(written < whole * 6);
  CHECK(written > whole / 2);
  {
    const ls::CheckpointStore store(folder.state(), ls::CheckpointStore::Access::reader, false);
    std::map<unsigned, std::uint64_t> records;
    for (const auto& record : store.manifests()[0].operators.at(0).records) ++records[record.slot];
    std::set<std::uint64_t> numbers;
    for (const auto& [slot, count] : records) {
      CHECK(count <= 17);
      numbers.insert(count);
    }
    CHECK(numbers.size() > 4);  // they are not written anew all at once
    CHECK(store.manifests()[0].bytes() < 2 * whole);
  }
  ls::Runtime runtime(flow, {}, ls::checkpoints(folder.state()));
  for (Number n = 0; n < kKeys; ++n) runtime[in].push(n);
  Number wrong = 0;
  for (const auto& [row, weight] : runtime.step()[counts].sorted()) {
    wrong += row.second != expected[static_cast<std::size_t>(row.first)] + (weight > 0 ? 1 : 0);
  }
  CHECK(wrong == 0);
}

TEST_CASE("rows that are erased while a checkpoint is written are not in the next one", "[checkpoint]") {
  using Row = std::pair<std::string, Number>;
  ls::Dataflow flow;
  const auto table = flow.table<Row>("table", &Row::first);
  const Folder folder;
  {
    ls::Runtime runtime(flow, {}, ls::checkpoints(folder.state(), {.begin_if_empty = true}));
    for (Number i = 0; i < 100; ++i) runtime[table].upsert({"key " + std::to_string(i), i});
    runtime.step();
    runtime.checkpoint().get();
    runtime[table].upsert({"", 7});
    runtime.step();
    runtime
        .checkpoint([&] {
          for (Number i = 0; i < 100; ++i) runtime[table].erase("key " + std::to_string(i));
          runtime.step();
        })
        .get();
    runtime[table].upsert({"other", 1});
    runtime.step();
    runtime.checkpoint().get();
  }
  ls::Runtime runtime(flow, {}, ls::checkpoints(folder.state()));
  const auto rows = runtime.snapshot()[table];
  CHECK(rows.size() == 2);
  CHECK(rows.find("") == Row("", 7));
  CHECK(rows.find("other") == Row("other", 1));
}

TEST_CASE("changes that a failed checkpoint did not keep are in the next one", "[checkpoint]") {
  Numbers numbers;
  const Folder folder;
  for (std::uint64_t step = 0; step < 40;) {
    const auto runtime = numbers.open(folder.state());
    for (int i = 0; i < 5; ++i) {
      numbers.step_to(*runtime, ++step);
      CHECK_THROWS(runtime->checkpoint([] { throw 7; }).get());
      (void)runtime->save();  // which keeps nothing
      numbers.step_to(*runtime, ++step);
      CHECK(runtime->checkpoint().get() == step);
    }
  }
  const auto runtime = numbers.open(folder.state(), 3);
  CHECK(numbers.contents(*runtime) == numbers.expected(40));
  numbers.step_to(*runtime, 60);
  CHECK(numbers.contents(*runtime) == numbers.expected(60));
}
