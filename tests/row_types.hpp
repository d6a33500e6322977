#pragma once

#include <catch2/catch.hpp>
#include <lockstep.hpp>
#include <string>
#include <vector>

#include "tests/delta_text.hpp"
#include "tests/saved_forms.hpp"

// A type of rows is taken through every operator, and through saved state.

namespace row_types {

namespace ls = lockstep;

template <class T>
concept Number = ls::shape::Integer<T> || ls::shape::Real<T>;

/// Every operator, over rows, keys and values of one type.
template <class T>
struct Everything {
  using Pair = std::pair<T, T>;

  Everything() {
    keep(in | ls::map([](const T& value) { return value; }), "map");
    show(in | ls::filter([](const T&) { return true; }), "filter");
    show(in | ls::flat_map([](const T& value) { return std::vector<T>{value, value}; }), "flat_map");
    show(in | ls::flat_map([](const T& value) { return std::optional<T>(value); }), "flat_map of optionals");
    show(in | ls::inspect([](const T&, ls::Weight) {}), "inspect");
    show(in | ls::negate(), "negate");
    show(in | ls::plus(in), "plus");
    show(in | ls::minus(in | ls::map([](const T& value) { return value; })), "minus");
    show(in | ls::gather(), "gather");
    show(in | ls::distinct(), "distinct");
    auto keyed = in | ls::key_by(ls::value);
    keep(keyed, "key_by");
    show(keyed | ls::distinct().named("distinct of keys"), "distinct of keys");
    show(keyed | ls::join(keyed, [](const T& a, const T&) { return a; }), "join");
    show(keyed | ls::join(table, [](const T& key, const T& a, const Pair& b) { return std::tuple(key, a, b.second); }),
         "join with a table");
    show(keyed | ls::left_join(table, [](const T& a, const std::optional<Pair>& b) { return b ? b->second : a; }),
         "left_join");
    show(keyed | ls::full_join(table, [](const T& key, const std::optional<T>& a,
                                         const std::optional<Pair>&) { return a.value_or(key); }),
         "full_join");
    show(keyed | ls::semi_join(table), "semi_join");
    show(keyed | ls::anti_join(table, ls::matching([](const T&, const Pair&) { return true; })), "anti_join");
    show(in | ls::union_(in | ls::map([](const T& value) { return value; })), "union");
    show(keyed | ls::except_all(keyed), "except_all");
    show(in | ls::group_by(ls::value, ls::count_distinct(ls::value), ls::arg_max(ls::value)).named("distincts"),
         "distincts");
    show(in | ls::group_by(ls::value, ls::count()).named("counts"), "counts");
    show(in | ls::group_by(ls::value, ls::min(ls::value), ls::max(ls::value)).named("extremes"), "extremes");
    show(in | ls::aggregate(ls::min(ls::value), ls::max(ls::value), ls::count()), "aggregate");
    if constexpr (Number<T>) {
      show(in | ls::group_by(ls::value, ls::sum(ls::value), ls::avg(ls::value)).named("sums"), "sums");
      show(in | ls::aggregate(ls::sum(ls::value)).named("sum"), "sum");
    }
    show(table, "table");
  }

  struct Text {
    template <class R>
    std::string operator()(const R& row) const {
      return ls::to_string(row);
    }
    template <class K, class V>
    std::string operator()(const K& key, const V& value) const {
      return ls::to_string(std::pair<K, V>(key, value));
    }
  };
  /// As text, so that outputs are compiled once.
  template <class S>
  void show(const S& stream, const std::string& name) {
    keep(stream | ls::map(Text()).named("text of " + name), name);
  }
  template <class S>
  void keep(const S& stream, const std::string& name) {
    auto output = stream | ls::output(name, ls::accumulated);
    shown.push_back([output, name](ls::Runtime& runtime, const ls::Step& step) {
      return name + ": " + text(step[output]) + " | " + text(runtime.snapshot()[output]) + '\n';
    });
  }

  /// Steps from `from` to `to` of a history of these values.
  std::string run(ls::Runtime& runtime, const std::vector<T>& values, std::size_t from, std::size_t to) {
    std::string out;
    for (std::size_t i = from; i < to; ++i) {
      const T& value = values[i % values.size()];
      runtime[in].push(value, static_cast<ls::Weight>(1 + i % 3));
      if (i % 3 == 2) runtime[in].push(values[(i - 1) % values.size()], -1);
      runtime[table].upsert({value, values[i / 2 % values.size()]});
      if (i % 4 == 3) runtime[table].erase(values[(i - 2) % values.size()]);
      const ls::Step step = runtime.step();
      for (const auto& one : shown) out += one(runtime, step);
      out += text(step[ledger(table)]) + '\n';
    }
    return out;
  }

  ls::Dataflow flow;
  ls::Input<T> in = flow.input<T>("in");
  decltype(flow.table<Pair>("table", &Pair::first)) table = flow.table<Pair>("table", &Pair::first);
  std::vector<std::function<std::string(ls::Runtime&, const ls::Step&)>> shown;
};

/// `values`: some that differ, in their order.
template <class T>
void check(const std::vector<T>& values) {
  using Traits = ls::row_traits<T>;
  INFO(Traits::schema().to_string());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const T again = ls::decode_row<T>(ls::encode_row(values[i]));
    CHECK(Traits::equal(again, values[i]));
    CHECK(Traits::hash(again) == Traits::hash(values[i]));
    CHECK_FALSE(ls::to_string(values[i]).empty());
    CHECK_FALSE(ls::to_json(values[i]).empty());
    CHECK_THROWS_AS(ls::decode_row<T>(ls::encode_row(values[i]) + "x"), ls::DecodeError);
    for (std::size_t j = 0; j < values.size(); ++j) {
      CHECK(Traits::compare(values[i], values[j]) == (i <=> j));
      CHECK(Traits::equal(values[i], values[j]) == (i == j));
    }
  }
  Everything<T> alone;
  ls::Runtime straight(alone.flow);
  const std::string begin = alone.run(straight, values, 0, 6);
  const std::string end = alone.run(straight, values, 6, 12);
  Everything<T> saved;
  ls::Runtime first(saved.flow, {.workers = 3, .threads = 1, .limits = ls::IndexLimits::minimum()});
  CHECK(saved.run(first, values, 0, 6) == begin);
  check_forms(first.save());
  Everything<T> loaded;
  ls::Runtime second(loaded.flow, {.workers = 2, .threads = 1}, first.save());
  CHECK(loaded.run(second, values, 6, 12) == end);
}

}  // namespace row_types
