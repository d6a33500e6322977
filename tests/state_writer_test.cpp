#include <algorithm>
#include <catch2/catch.hpp>
#include <list>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/graph/node_state.hpp"
#include "runtime/rows/schema_coding.hpp"
#include "runtime/state/containers.hpp"

namespace ls = lockstep;

namespace {

/// What is left of a container that was saved, each slot's items having been loaded by themselves.
template <class Container>
Container again(const Container& items) {
  ls::StateWriter out;
  ls::save_items(out, items);
  Container loaded;
  std::size_t told = 0;
  const ls::Schema form = ls::items_form<Container>();
  out.for_each([&](unsigned, std::string_view saved) {
    ls::Decoder in(saved);
    ls::load_items(in, loaded);
    for (ls::Decoder once_more(saved); !once_more.at_end(); ++told) ls::skip_row(form, once_more);
  });
  CHECK(told == items.size());
  return loaded;
}

template <class Container>
bool comes_again(const Container& items) {
  return again(items) == items;
}

/// State in a container, as a user would keep it.
struct Words {
  std::map<std::string, std::int64_t> counts;

  void save(ls::StateWriter& out) const { ls::save_items(out, counts); }
  void load(ls::Decoder& in) { ls::load_items(in, counts); }
};

Words many_words() {
  Words words;
  for (std::int64_t i = 0; i < 5000; ++i) words.counts["word " + std::to_string(i)] = i;
  return words;
}

}  // namespace

TEST_CASE("containers of the standard library come again item by item") {
  CHECK(comes_again(std::map<std::string, std::int64_t>{{"a", 1}, {"b", -1}, {"", 0}}));
  CHECK(comes_again(std::unordered_map<std::int64_t, std::vector<std::string>>{{1, {"x", "y"}}, {2, {}}}));
  CHECK(comes_again(std::multimap<std::int64_t, std::int64_t>{{1, 1}, {1, 2}, {3, 1}}));
  CHECK(comes_again(std::set<std::pair<std::int64_t, double>>{{1, 0.5}, {1, 1.5}}));
  CHECK(comes_again(std::multiset<std::int64_t>{3, 3, 3, 4}));
  CHECK(comes_again(std::map<std::tuple<>, std::tuple<>>{{{}, {}}}));
  CHECK(comes_again(std::vector<std::tuple<>>{{}, {}, {}}));
  CHECK(comes_again(std::map<std::int64_t, bool>{}));
}

TEST_CASE("the items of a sequence come again, each as often as it was there") {
  std::vector<std::int64_t> rows{5, 3, 5, -1, 8};
  auto loaded = again(rows);
  std::sort(rows.begin(), rows.end());
  std::sort(loaded.begin(), loaded.end());
  CHECK(loaded == rows);
  CHECK(again(std::list<std::string>{"one"}).front() == "one");
}

TEST_CASE("a state that is pinned by being written shows what it was, range by range") {
  Words words = many_words();
  const auto pin = ls::pin_state(words, nullptr);
  words.counts.clear();
  Words loaded;
  for (const ls::SlotRange range : {ls::SlotRange{0, 1}, ls::SlotRange{1, 1000}, ls::SlotRange{1000, ls::kSlots}}) {
    ls::StateWriter out(range);
    pin->save(out);
    out.for_each([&](unsigned slot, std::string_view items) {
      REQUIRE(range.first <= slot);
      REQUIRE(slot < range.end);
      ls::Decoder in(items);
      loaded.load(in);
    });
  }
  CHECK(loaded.counts == many_words().counts);
}

TEST_CASE("a range of slots is a range of hashes") {
  const ls::SlotRange range{3, 5};
  CHECK(range.has(range.lowest_hash()));
  CHECK(range.has(range.highest_hash()));
  CHECK_FALSE(range.has(range.lowest_hash() - 1));
  CHECK_FALSE(range.has(range.highest_hash() + 1));
  CHECK(ls::SlotRange{}.lowest_hash() == 0);
  CHECK(ls::SlotRange{}.highest_hash() == ~std::uint64_t{0});
}
