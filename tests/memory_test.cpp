#include <catch2/catch.hpp>
#include <lockstep.hpp>
#include <random>
#include <string>

#include "runtime/state/segment_memory.hpp"
#include "tests/allocation_count.hpp"

// What a runtime says that its state holds, against what the allocator says that it has given out.

namespace ls = lockstep;

namespace {

struct Article {
  std::int64_t id;
  std::string text;
  std::vector<std::string> tags;
  std::optional<std::string> note;
};
BOOST_DESCRIBE_STRUCT(Article, (), (id, text, tags, note))

/// Some fit into the string itself, some have a page.
std::string some_text(std::mt19937_64& random) {
  const std::uint64_t lengths[] = {4, 20, 40, 100, random() % 5 == 0 ? 3000U : 10U};
  return std::string(lengths[random() % 5], static_cast<char>('a' + random() % 26)) + std::to_string(random());
}

Article some_article(std::mt19937_64& random) {
  Article article{static_cast<std::int64_t>(random() % 1'000'000), some_text(random), {}, {}};
  for (std::uint64_t tags = random() % 4; tags != 0; --tags) article.tags.push_back(some_text(random));
  if (random() % 2 == 0) article.note = some_text(random);
  return article;
}

std::uint64_t memory_now() { return allocated_now() + ls::segment_memory::used_bytes(); }

/// Adds an operator to a flow; rows come and go in steps of a thousand, so that the state is all that counts.
template <class Build>
void check_memory(const char* what, const Build& build, std::size_t rows = 40'000) {
  INFO(what);
  ls::Dataflow flow;
  const auto in = flow.input<Article>("in");
  build(in);
  ls::Runtime runtime(flow, {.workers = 2, .threads = 1});
  std::mt19937_64 random(1);
  std::vector<ls::Weighted<Article>> all;
  std::size_t next = 0;
  const auto step = [&](const std::vector<ls::Weighted<Article>>& pushed) {
    runtime[in].push(pushed);
    runtime.step();
  };
  const auto come = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; i += 1000) {
      std::vector<ls::Weighted<Article>> pushed;
      for (int k = 0; k < 1000; ++k) pushed.push_back({some_article(random), 1});
      step(pushed);
      all.insert(all.end(), pushed.begin(), pushed.end());
    }
  };
  const auto go = [&](std::size_t count) {
    for (const std::size_t end = next + count; next < end;) {
      std::vector<ls::Weighted<Article>> pushed;
      for (int k = 0; k < 1000; ++k) pushed.push_back({all[next++].row, -1});
      step(pushed);
    }
  };
  all.reserve(2 * rows);
  come(10'000);  // the buffers have grown
  go(10'000);
  const auto held = [&] {  // by the rows that are kept here
    std::size_t bytes = 0;
    for (const auto& one : all) bytes += ls::heap_bytes(one.row);
    return bytes;
  };
  for (int i = 0; i < 3; ++i) runtime.step();
  const std::size_t held_before = held();
  const std::uint64_t before = memory_now();
  const std::uint64_t said_before = runtime.metrics().state_bytes();
  double most = 0;
  const auto check = [&](const char* when) {
    INFO(when);
    for (int i = 0; i < 3; ++i) runtime.step();  // the deltas of the last step go
    const double taken = static_cast<double>(memory_now()) - static_cast<double>(before) -
                         (static_cast<double>(held()) - static_cast<double>(held_before));
    const double said = static_cast<double>(runtime.metrics().state_bytes()) - static_cast<double>(said_before);
    INFO("the allocator says " << taken << ", the runtime " << said);
    most = std::max(most, said);
    CHECK(std::abs(taken - said) <= most / 10);
  };
  come(rows);
  check("grown");
  go(rows / 2);
  check("half of it deleted");
  go(rows / 2);
  check("all deleted");
}

}  // namespace

TEST_CASE("state says how large it is within a tenth of what the allocator says") {
  check_memory("distinct", [](const auto& in) { (void)(in | ls::distinct() | ls::output("out")); });
  check_memory("contents", [](const auto& in) { (void)(in | ls::output("out", ls::accumulated)); });
  check_memory("sets", [](const auto& in) {
    (void)(in | ls::except(in | ls::filter([](const Article& a) { return a.id % 2 == 0; })) | ls::output("out"));
  });
  check_memory("index, few rows of a key", [](const auto& in) {
    const auto by_id = in | ls::key_by([](const Article& a) { return a.id % 10'000; });
    (void)(by_id |
           ls::join(by_id | ls::filter([](const auto&) { return false; }),
                    [](const Article& a, const Article&) { return a.id; }) |
           ls::output("out"));
  });
  check_memory("index, many rows of a key", [](const auto& in) {
    const auto by_id = in | ls::key_by([](const Article& a) { return a.id % 10; });
    (void)(by_id |
           ls::join(by_id | ls::filter([](const auto&) { return false; }),
                    [](const Article& a, const Article&) { return a.id; }) |
           ls::output("out"));
  });
  check_memory("groups by a text", [](const auto& in) {
    (void)(in | ls::group_by(&Article::text, ls::count(), ls::sum(&Article::id)) | ls::output("out"));
  });
  check_memory("groups of a few rows", [](const auto& in) {
    (void)(in | ls::group_by([](const Article& a) { return a.id % 10'000; }, ls::min(&Article::text)) |
           ls::output("out"));
  });
  check_memory("large groups", [](const auto& in) {
    (void)(in |
           ls::group_by([](const Article& a) { return a.id % 10; }, ls::min(&Article::text),
                        ls::count_distinct(&Article::note)) |
           ls::output("out"));
  });
}

TEST_CASE("buffers that have grown for one large step shrink again") {
  const unsigned workers = GENERATE(1U, 2U);
  CAPTURE(workers);
  ls::Dataflow flow;
  const auto in = flow.input<Article>("in");
  const auto table = flow.table<Article>("table", &Article::id);
  const auto by_id = in | ls::key_by(&Article::id);
  (void)(by_id | ls::join(table, [](const Article& a, const Article& b) { return std::pair(a.id, b.text); }) |
         ls::output("joined"));
  (void)(in | ls::key_by(&Article::text) |
         ls::left_join(by_id | ls::map([](std::int64_t, const Article& a) { return a; }) | ls::key_by(&Article::text),
                       [](const Article& a, const std::optional<Article>&) { return a.id; }) |
         ls::output("left"));
  const auto doubled = in | ls::flat_map([](const Article& a) { return std::vector<Article>{a, a}; });
  (void)(doubled | ls::distinct() | ls::output("distinct"));
  (void)(doubled | ls::except(in) | ls::output("rest", ls::accumulated));
  (void)(doubled | ls::group_by(&Article::text, ls::count(), ls::max(&Article::id)) | ls::output("groups"));
  (void)(doubled | ls::aggregate(ls::count()) | ls::output("all"));
  ls::Runtime runtime(flow, {.workers = workers, .threads = 1});
  std::mt19937_64 random(2);
  const auto small_steps = [&] {
    for (int i = 0; i < 200; ++i) {
      Article article = some_article(random);
      article.id += 1'000'000'000;
      runtime[in].push(article);
      runtime[table].upsert(article);
      runtime.step();
      runtime[in].push(article, -1);
      runtime[table].erase(article.id);
      runtime.step();
    }
  };
  small_steps();
  const std::uint64_t before = memory_now();
  std::uint64_t most = 0;
  {
    std::vector<ls::Weighted<Article>> rows;
    for (std::int64_t i = 0; i < 20'000; ++i) {
      rows.push_back({some_article(random), 1});
      rows.back().row.id = i;
    }
    for (const int weight : {1, -1}) {
      for (auto& row : rows) row.weight = weight;
      runtime[in].push(rows);
      for (const auto& row : rows) {
        if (weight > 0) {
          runtime[table].upsert(row.row);
        } else {
          runtime[table].erase(row.row.id);
        }
      }
      runtime.step();
      most = std::max(most, memory_now());
    }
  }
  small_steps();
  INFO("before " << before << ", at most " << most);
  CHECK(memory_now() < before + (most - before) / 20);
}
