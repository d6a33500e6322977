// Programs that do not compile, one for each mistake. first_errors.py compiles each and looks at the first error.

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
#endif
  (void)by_item;
  (void)out;
}
