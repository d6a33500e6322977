// Programs that do not compile, one for each mistake. first_errors.py compiles each and looks at the first error.

#include <iostream>
#include <iterator>
#include <lockstep.hpp>

namespace ls = lockstep;

struct Sale {
  std::int64_t shop = 0, amount = 0;
  std::string item;
};
BOOST_DESCRIBE_STRUCT(Sale, (), (shop, amount, item))

struct NotDescribed {
  int a;
};

struct PartlyDescribed {
  int a = 0, b = 0;
};
BOOST_DESCRIBE_STRUCT(PartlyDescribed, (), (a))

struct WrongOperator {
  void eval(int) {}
};

struct NumbersOnce {
  auto begin() const { return std::istream_iterator<std::int64_t>(std::cin); }
  auto end() const { return std::istream_iterator<std::int64_t>(); }
};

int main() {
  ls::Dataflow flow;
  auto sales = flow.input<Sale>("sales");
  auto prices = flow.table<Sale>("prices", &Sale::item);
  auto by_shop = sales | ls::key_by(&Sale::shop);
  auto by_item = sales | ls::key_by(&Sale::item);
  auto out = sales | ls::output("out");
  ls::Runtime runtime(flow);
#if MISTAKE == 1
  // sum and avg are of numbers
  (void)(sales | ls::group_by(&Sale::shop, ls::sum(&Sale::item)));
#elif MISTAKE == 2
  // sum and avg are of numbers
  (void)(sales | ls::aggregate(ls::avg([](const Sale& sale) { return sale.item; })));
#elif MISTAKE == 3
  // filter's function cannot be called with the rows of this stream
  (void)(sales | ls::filter([](int n) { return n > 0; }));
#elif MISTAKE == 4
  // filter's function must return a bool
  (void)(sales | ls::filter([](const Sale& sale) { return sale.item; }));
#elif MISTAKE == 5
  // map's function cannot be called with the rows of this stream
  (void)(by_shop | ls::map([](const std::pair<std::int64_t, Sale>& row) { return row.first; }));
#elif MISTAKE == 6
  // an aggregate's function cannot be called with the rows of this stream
  (void)(sales | ls::group_by(&Sale::shop, ls::sum([](int a, int b) { return a + b; })));
#elif MISTAKE == 7
  // group_by's key function cannot be called with the rows of this stream
  (void)(sales | ls::group_by([](int n) { return n; }, ls::count()));
#elif MISTAKE == 8
  // join's function can be called neither with the two values nor with the key and the two values
  (void)(by_shop | ls::join(by_shop, [](int a, int b) { return a + b; }));
#elif MISTAKE == 9
  // a join needs two keyed streams
  (void)(sales | ls::join(by_shop, [](const Sale& a, const Sale&) { return a; }));
#elif MISTAKE == 10
  // a join needs two keyed streams
  (void)(by_shop | ls::left_join(sales, [](const Sale& a, const std::optional<Sale>&) { return a; }));
#elif MISTAKE == 11
  // the two streams of a join have keys of different types
  (void)(by_shop | ls::join(by_item, [](const Sale& a, const Sale&) { return a; }));
#elif MISTAKE == 12
  // the two streams of a join have keys of different types
  (void)(by_shop | ls::anti_join(by_item));
#elif MISTAKE == 13
  // this type cannot be a row. Describe the struct with BOOST_DESCRIBE_STRUCT
  (void)flow.input<NotDescribed>("in");
#elif MISTAKE == 14
  // this row has members that BOOST_DESCRIBE_STRUCT leaves out
  (void)flow.input<PartlyDescribed>("in");
#elif MISTAKE == 15
  // this type cannot be a row. Describe the struct with BOOST_DESCRIBE_STRUCT
  (void)(sales | ls::map([](const Sale&) { return NotDescribed{1}; }));
#elif MISTAKE == 16
  // write the operator with parentheses
  (void)(sales | ls::distinct);
#elif MISTAKE == 17
  // write the operator with parentheses
  (void)(sales | ls::map);
#elif MISTAKE == 18
  // write the operator with parentheses
  (void)(sales | ls::output);
#elif MISTAKE == 19
  // these are not the fields of the input's row
  runtime[sales].push({1, "x"});
#elif MISTAKE == 20
  // these are not the fields of the input's row
  runtime[sales].push("a sale");
#elif MISTAKE == 21
  // a table is changed by insert(row), upsert(row) and erase(key)
  runtime[prices].push({1, 2, "x"});
#elif MISTAKE == 22
  // a step is asked for an output
  for (auto& row : runtime.step()[by_shop]) (void)row;
#elif MISTAKE == 23
  // left_join's function can be called neither with the two values nor with the key and the two values
  (void)(by_shop | ls::left_join(by_shop, [](const Sale& a, const Sale&) { return a; }));
#elif MISTAKE == 24
  // the condition of a join can be called neither with the two values nor with the key and the two values
  (void)(by_shop | ls::semi_join(by_shop, ls::matching([](int n) { return n > 0; })));
#elif MISTAKE == 25
  // are of two streams of the same rows, both keyed or both plain
  (void)(sales | ls::union_(by_shop));
#elif MISTAKE == 26
  // inspect's function cannot be called with the rows of this stream
  (void)(sales | ls::inspect([](int) {}));
#elif MISTAKE == 27
  // ls::key is the key of a keyed stream
  (void)(sales | ls::group_by(ls::key, ls::count()));
#elif MISTAKE == 28
  // what stands after | is no operator for this stream
  (void)(sales | 7);
#elif MISTAKE == 29
  // are of two streams of the same rows, both keyed or both plain
  (void)(sales | ls::plus(by_shop));
#elif MISTAKE == 30
  // must be aggregates, written with parentheses
  (void)(sales | ls::group_by(&Sale::shop, ls::count));
#elif MISTAKE == 31
  // must be aggregates, written with parentheses
  (void)(sales | ls::group_by(&Sale::shop, &Sale::amount));
#elif MISTAKE == 32
  // a join needs a function of the two values
  (void)(by_shop | ls::join(by_shop));
#elif MISTAKE == 33
  // an outer join needs a function of the two values
  (void)(by_shop | ls::full_join(by_shop));
#elif MISTAKE == 34
  // an output needs a name
  (void)(sales | ls::output());
#elif MISTAKE == 35
  // an output needs a name
  (void)(sales | ls::output(7));
#elif MISTAKE == 36
  // nor a range of rows that can be gone through twice
  runtime[sales].push(NumbersOnce());
#elif MISTAKE == 37
  // a table needs its key
  (void)flow.table<Sale>("shops");
#elif MISTAKE == 38
  // a table's key function cannot be called with the table's rows
  (void)flow.table<Sale>("shops", [](int n) { return n; });
#elif MISTAKE == 39
  // flat_map's function must give a range of rows
  (void)(sales | ls::flat_map([](const Sale& sale) { return sale.shop; }));
#elif MISTAKE == 40
  // a transaction is a function of one argument
  runtime.transaction([] {});
#elif MISTAKE == 41
  // an operator's eval takes a reader for each thing that its part reads
  (void)ls::add_part<ls::Stream<Sale>>(
      sales.flow(), {"wrong", "wrong"}, [](const ls::Site&) { return WrongOperator(); }, ls::reads::in_place(sales));
#elif MISTAKE == 42
  // what makes the operator of a part is a function of a const Site&
  (void)ls::add_part<ls::Stream<Sale>>(
      sales.flow(), {"wrong", "wrong"}, [](int) { return WrongOperator(); }, ls::reads::in_place(sales));
#elif MISTAKE == 43
  // key_by's functions cannot be called with the rows of this stream
  (void)(sales | ls::key_by([](int n) { return n; }));
#endif
  (void)by_item;
  (void)out;
}
